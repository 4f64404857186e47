# steps.gp: steps of a linear axis.

# The 1-2-5 step that divides `range` into at most `most` parts.
step_decade(range, most) = 10.0 ** floor(log10(real(range) / most))
step_of(range, most) = (step_m = real(range) / most / step_decade(range, most), step_m <= 1 ? 1 : step_m <= 2 ? 2 : step_m <= 5 ? 5 : 10) \
    * step_decade(range, most)

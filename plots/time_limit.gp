# time_limit.gp: the same curves as time_space.gp against the configured heap limit.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/time_limit.gp
#
# Reads series.csv, chart.csv, time_limit.panels.csv and time_limit.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "time_limit"
title = "What time a heap limit leaves: wall time against the limit (down and left is better)"
subtitle = "Limits do not count the same on every backend: see time_space for measured memory. A backend without a limit is a point at its peak memory. Medians over n invocations, bars the ranges."
x_title = "heap limit (MiB, log scale)"
load here.'sweep.gp'

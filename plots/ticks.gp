# ticks.gp: tics of a logarithmic axis from tick_low to tick_high, labelled as closely as about
# tick_most labels allow: at 1-2-5 or 1-3 steps, else at powers of ten. tick_axis is "x", "y",
# "x2" or "y2"; the label shows the value divided by tick_scale, and tick_kind says how: "time" (ns,
# in the unit that suits), "count" (2 k), "plain" or "times" (2×).
tick_time(ns) = ns < 999.5 ? sprintf("%g ns", ns) : ns < 999.5e3 ? sprintf("%g µs", ns / 1e3) : \
    ns < 999.5e6 ? sprintf("%g ms", ns / 1e6) : sprintf("%g s", ns / 1e9)
tick_count(v) = v < 999.5 ? sprintf("%g", v) : v < 999.5e3 ? sprintf("%g k", v / 1e3) : \
    v < 999.5e6 ? sprintf("%g M", v / 1e6) : sprintf("%g G", v / 1e9)
tick_text(v) = tick_kind eq "time" ? tick_time(v) : tick_kind eq "count" ? tick_count(v) : tick_kind eq "times" ? sprintf("%g×", v) : sprintf("%g", v)
tick_decades = log10(tick_high / tick_low)
tick_steps = tick_decades < 0.7 ? "1 1.5 2 3 4 5 6 8" : tick_decades * 3 <= tick_most + 1 ? "1 2 5" : \
    tick_decades * 2 <= tick_most + 1 ? "1 3" : "1"
tick_every = tick_steps ne "1" ? 1 : int(ceil(tick_decades / tick_most))
if (tick_axis eq "x") { set xtics () nomirror scale 0.6, 0.3 font font_tics }
if (tick_axis eq "y") { set ytics () nomirror scale 0.6, 0.3 font font_tics }
if (tick_axis eq "x2") { set x2tics () nomirror scale 0.6, 0.3 font font_tics }
if (tick_axis eq "y2") { set y2tics () nomirror scale 0.6, 0.3 font font_tics }
do for [tick_d = int(floor(log10(tick_low / tick_scale))):int(ceil(log10(tick_high / tick_scale)))] {
    do for [tick_m in "1 1.5 2 3 4 5 6 7 8 9"] {
        tick_v = real(tick_m) * 10.0 ** tick_d
        tick_at = tick_v * tick_scale
        tick_major = strstrt(" ".tick_steps." ", " ".tick_m." ") > 0 && tick_d % tick_every == 0
        if (tick_at >= tick_low * 0.9999 && tick_at <= tick_high * 1.0001 && (tick_major || tick_m ne "1.5")) {
            tick_name = tick_major ? tick_text(tick_v) : ""
            tick_level = tick_major ? 0 : 1
            if (tick_axis eq "x") { set xtics add (tick_name tick_at tick_level) }
            if (tick_axis eq "y") { set ytics add (tick_name tick_at tick_level) }
            if (tick_axis eq "x2") { set x2tics add (tick_name tick_at tick_level) }
            if (tick_axis eq "y2") { set y2tics add (tick_name tick_at tick_level) }
        }
    }
}

# warmup.gp: how the time of an iteration settles; one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/warmup.gp
#
# Reads series.csv, chart.csv, warmup.panels.csv and warmup.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "warmup"
title = "Wall time of each iteration (lower is better)"
subtitle = "Medians over n invocations, bands the ranges; long series in blocks of iterations, by their means. Left of the dotted line: warm-up, which no other figure counts."
chart_lines = 1
panel_left = 74; panel_right = 18; panel_top = 24; panel_height = 170; panel_bottom = 42
load here.'layout.gp'

array i_first[panel_count]
array i_last[panel_count]
array y_low[panel_count]
array y_high[panel_count]
stats data.'/warmup.panels.csv' using (layout_p = int(column("panel")), i_first[layout_p] = column("first"), \
    i_last[layout_p] = column("last"), y_low[layout_p] = column("low_ns"), y_high[layout_p] = column("high_ns"), 1) nooutput
load here.'steps.gp'

x_title = "iteration (warm-up: below 0)"
y_title = "wall time (log scale)"
# Rows of other series must not reach into a band.
set datafile missing NaN
do for [p = first:last] {
    load here.'panel.gp'
    i_range = i_last[p] - i_first[p]
    i_step = step_of(i_range < 5 ? 5 : i_range, 7)
    set xrange [i_first[p] - 0.03 * i_range - 0.2:i_last[p] + 0.03 * i_range + 0.2]
    set xtics nomirror i_step * ceil(i_first[p] / i_step), i_step, i_last[p]
    set logscale y
    set yrange [y_low[p]:y_high[p]]
    tick_axis = "y"; tick_kind = "time"; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = 1; tick_most = 8
    load here.'ticks.gp'
    if (i_first[p] < 0) { set arrow 1 from first -0.5, graph 0 to first -0.5, graph 1 nohead back dt 13 lw 0.8 lc rgb "#909090" }
    file = sprintf("%s/warmup.%d.csv", data, p)
    points = i_range > 40 ? 0 : 0.6
    plot for [s in panel_series[p]] file using (column("series") == int(s) ? column("iteration") : NaN):"low_ns":"high_ns" with filledcurves fs transparent solid 0.15 noborder ls 1000 + int(s) title series_label[int(s)] noenhanced, \
        for [s in panel_series[p]] file using (column("series") == int(s) ? column("iteration") : NaN):"wall_ns" with linespoints ls int(s) ps points * point_scale title series_label[int(s)] noenhanced
}
unset multiplot

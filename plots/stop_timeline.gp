# stop_timeline.gp: when the program is stopped, and for how long; one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/stop_timeline.gp
#
# Reads series.csv, chart.csv, stop_timeline.panels.csv and stop_timeline.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "stop_timeline"
title = "When the program is stopped, and for how long (fewer and lower is better)"
subtitle = "One invocation of each backend, that of median wall time among n. A point is a stop; of those that begin within one 300th of the axis, the longest. Bars at the bottom: where the run of a backend ends."
chart_lines = 0
panel_left = 74; panel_right = 18; panel_top = 24; panel_height = 170; panel_bottom = 42
load here.'layout.gp'

array t_high[panel_count]
array y_low[panel_count]
array y_high[panel_count]
stats data.'/stop_timeline.panels.csv' using (layout_p = int(column("panel")), t_high[layout_p] = column("high_ns"), \
    y_low[layout_p] = column("shortest_ns"), y_high[layout_p] = column("longest_ns"), 1) nooutput
load here.'steps.gp'

y_title = "duration of a stop (log scale)"
do for [p = first:last] {
    t_unit = t_high[p] < 2e6 ? 1e3 : t_high[p] < 2e9 ? 1e6 : 1e9
    x_title = "time since the measured part began (".(t_unit == 1e9 ? "s" : t_unit == 1e6 ? "ms" : "µs").")"
    load here.'panel.gp'
    x_range = t_high[p] / t_unit
    # Room for the bars, a tenth of the axis.
    bottom = y_low[p] / (y_high[p] / y_low[p]) ** 0.1
    set xrange [0:x_range]
    set xtics nomirror 0, step_of(x_range, 7), x_range
    set logscale y
    set yrange [bottom:y_high[p]]
    tick_axis = "y"; tick_kind = "time"; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = 1; tick_most = 8
    load here.'ticks.gp'
    file = sprintf("%s/stop_timeline.%d.csv", data, p)
    if (words(panel_series[p]) == 0) {
        set label 6 "no stops" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "end" ? column("t_ns") / t_unit : NaN):(bottom):(0):(y_low[p] - bottom) with vectors nohead ls 1000 + int(s) lw 2 title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "stop" ? column("t_ns") / t_unit : NaN):"duration_ns" with points ls 1000 + int(s) ps 0.5 * point_scale title series_label[int(s)] noenhanced
    }
}
unset multiplot

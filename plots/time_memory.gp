# time_memory.gp: wall time against measured peak memory; one panel per workload, one point per cell.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/time_memory.gp
#
# Reads series.csv, chart.csv, time_memory.panels.csv and time_memory.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "time_memory"
reference = ""
stats data.'/chart.csv' using (strcol("key") eq "reference" ? (reference = text("value"), 1) : 1) nooutput
title = "Time against measured memory (down is faster, left is smaller)"
subtitle = "Points are medians over n invocations, bars the ranges.".(reference eq "" ? "" : " Dotted lines and far axes: multiples of ".reference.".")
chart_lines = 0
panel_left = 72; panel_right = 44; panel_top = 44; panel_height = 180; panel_bottom = 42
load here.'layout.gp'

array x_low[panel_count]
array x_high[panel_count]
array y_low[panel_count]
array y_high[panel_count]
array x_reference[panel_count]
array y_reference[panel_count]
stats data.'/time_memory.panels.csv' using (layout_p = int(column("panel")), x_low[layout_p] = column("low_bytes"), \
    x_high[layout_p] = column("high_bytes"), y_low[layout_p] = column("low_ns"), y_high[layout_p] = column("high_ns"), \
    x_reference[layout_p] = column("reference_bytes"), y_reference[layout_p] = column("reference_ns"), 1) nooutput

x_title = "peak resident memory (MiB, log scale)"
y_title = "wall time (log scale)"
do for [p = first:last] {
    load here.'panel.gp'
    set border x_reference[p] > 0 ? 15 : 3
    set logscale xyx2y2
    set xrange [x_low[p]:x_high[p]]
    set yrange [y_low[p]:y_high[p]]
    set x2range [x_low[p]:x_high[p]]
    set y2range [y_low[p]:y_high[p]]
    tick_axis = "x"; tick_kind = "plain"; tick_low = x_low[p]; tick_high = x_high[p]; tick_scale = 2.0 ** 20; tick_most = 6
    load here.'ticks.gp'
    tick_axis = "y"; tick_kind = "time"; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = 1; tick_most = 8
    load here.'ticks.gp'
    if (x_reference[p] > 0) {
        tick_kind = "times"
        tick_axis = "x2"; tick_most = 6; tick_low = x_low[p]; tick_high = x_high[p]; tick_scale = x_reference[p]
        load here.'ticks.gp'
        tick_axis = "y2"; tick_most = 8; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = y_reference[p]
        load here.'ticks.gp'
        set arrow 1 from first x_reference[p], graph 0 to first x_reference[p], graph 1 nohead back dt 13 lw 0.8 lc rgb "#909090"
        set arrow 2 from graph 0, first y_reference[p] to graph 1, first y_reference[p] nohead back dt 13 lw 0.8 lc rgb "#909090"
    }
    file = sprintf("%s/time_memory.%d.csv", data, p)
    if (words(panel_series[p]) == 0) {
        set label 6 "nothing measured" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        plot for [s in panel_series[p]] file using (column("series") == int(s) ? column("memory_bytes") : NaN):"wall_ns":"memory_low_bytes":"memory_high_bytes":"wall_low_ns":"wall_high_ns" with xyerrorbars ls 1000 + int(s) ps 0.9 * point_scale title series_label[int(s)] noenhanced
    }
}
unset multiplot

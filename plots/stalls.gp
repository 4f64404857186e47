# stalls.gp: the longest stop beside the longest stall: a row of each per backend, one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/stalls.gp
#
# Reads series.csv, chart.csv, stalls.panels.csv and stalls.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "stalls"
title = "Longest stop by the collector, and longest stall in the allocator (left is better)"
subtitle = "Medians over n invocations of the longest of each, bars the ranges. Stalls: calls over 10 µs, a stop inside included, from probe invocations, which time every call."
chart_lines = 1
panel_left = 64; panel_right = 18; panel_top = 24; panel_height = 150; panel_bottom = 42
load here.'layout.gp'

array x_low[panel_count]
array x_high[panel_count]
array slots[panel_count]
stats data.'/stalls.panels.csv' using (layout_p = int(column("panel")), x_low[layout_p] = column("low_ns"), \
    x_high[layout_p] = column("high_ns"), slots[layout_p] = column("slots"), 1) nooutput

x_title = "duration (log scale)"
y_title = ""
do for [p = first:last] {
    load here.'panel.gp'
    set yrange [0:2]
    set ytics nomirror ("stall" 0.5, "stop" 1.5)
    set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead back dt 13 lw 0.8 lc rgb "#909090"
    set logscale x
    set xrange [x_low[p]:x_high[p]]
    tick_axis = "x"; tick_kind = "time"; tick_low = x_low[p]; tick_high = x_high[p]; tick_scale = 1; tick_most = 6
    load here.'ticks.gp'
    file = sprintf("%s/stalls.%d.csv", data, p)
    if (words(panel_series[p]) == 0) {
        set label 6 "nothing measured" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        lane(k) = (k eq "stop" ? 2 : 1) - (column("slot") + 1.0) / (slots[p] + 1.0)
        plot for [s in panel_series[p]] file using (column("series") == int(s) ? column("longest_ns") : NaN):(lane(strcol("kind"))):"low_ns":"high_ns" with xerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced
    }
}
unset multiplot

# mmu.gp: minimum and bounded mutator utilisation: two curves per backend, one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/mmu.gp
#
# Reads series.csv, chart.csv, mmu.panels.csv and mmu.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "mmu"
title = "What the stops leave to the program, at worst (up is better)"
subtitle = "Solid, MMU: least share of any window of a length in which a thread was not stopped. Dashed, BMU: the same of that length or more. Of all threads the worst, over the measured part; medians over n invocations. An axis that begins after 10 µs leaves out windows of which nothing is left."
chart_lines = 0
panel_left = 64; panel_right = 18; panel_top = 24; panel_height = 170; panel_bottom = 42
load here.'layout.gp'

array x_low[panel_count]
array x_high[panel_count]
stats data.'/mmu.panels.csv' using (layout_p = int(column("panel")), x_low[layout_p] = column("low_ns"), \
    x_high[layout_p] = column("high_ns"), 1) nooutput

x_title = "length of the window (log scale)"
y_title = "utilisation"
do for [p = first:last] {
    load here.'panel.gp'
    set yrange [-0.02:1.04]
    set ytics nomirror ("0%%" 0, "25%%" 0.25, "50%%" 0.5, "75%%" 0.75, "100%%" 1)
    set logscale x
    file = sprintf("%s/mmu.%d.csv", data, p)
    # A decade before the first window of which something is left is enough of the rest.
    rise = x_high[p]
    if (words(panel_series[p]) > 0) {
        stats file using (column("mmu") > 0.005 && column("window_ns") < rise ? (rise = column("window_ns"), 1) : 1) nooutput
    }
    if (rise / 10 > x_low[p]) { x_low[p] = rise / 10 }
    set xrange [x_low[p] / 1.03:x_high[p]]
    tick_axis = "x"; tick_kind = "time"; tick_low = x_low[p]; tick_high = x_high[p]; tick_scale = 1; tick_most = 6
    load here.'ticks.gp'
    if (words(panel_series[p]) == 0) {
        set label 6 "no utilisation known" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        plot for [s in panel_series[p]] file using (column("series") == int(s) ? column("window_ns") : NaN):"bmu" with lines ls 1000 + int(s) dt 13 title "BMU ".series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) ? column("window_ns") : NaN):"mmu" with linespoints ls 1000 + int(s) lw 1.5 title series_label[int(s)] noenhanced
    }
}
unset multiplot

# scaling.gp: throughput against threads; one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/scaling.gp
#
# Reads series.csv, chart.csv, scaling.panels.csv and scaling.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "scaling"
title = "What threads bring (up is faster)"
reference = ""
stats data.'/chart.csv' using (strcol("key") eq "reference" ? (reference = text("value"), 1) : 1) nooutput
subtitle = "Operations per second, medians over n invocations; bars are 95 % intervals of the median (the range where n < 6). Dotted: ".reference.", were its threads free of each other. Speed-ups from the fewest to the most threads: Hodges-Lehmann estimates with 95 % intervals [ ], or ranges ( )."
chart_lines = 1
panel_left = 64; panel_right = 18; panel_top = 24; panel_height = 180; panel_bottom = 42
load here.'layout.gp'

array y_low[panel_count]
array y_high[panel_count]
array x_threads[panel_count]
stats data.'/scaling.panels.csv' using (layout_p = int(column("panel")), x_threads[layout_p] = text("threads"), \
    y_low[layout_p] = column("low_per_s"), y_high[layout_p] = column("high_per_s"), 1) nooutput

x_title = "mutator threads (log scale)"
y_title = "operations per second (log scale)"
do for [p = first:last] {
    load here.'panel.gp'
    set logscale xy
    x_first = int(word(x_threads[p], 1))
    x_last = int(word(x_threads[p], words(x_threads[p])))
    x_margin = (x_last / real(x_first)) ** 0.12
    set xrange [x_first / x_margin:x_last * x_margin]
    set yrange [y_low[p]:y_high[p]]
    set xtics () nomirror
    do for [x_t in x_threads[p]] { set xtics add (x_t int(x_t)) }
    tick_axis = "y"; tick_kind = "count"; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = 1; tick_most = 8
    load here.'ticks.gp'
    file = sprintf("%s/scaling.%d.csv", data, p)
    if (words(panel_series[p]) == 0) {
        set label 6 "no operations counted" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        # Bars stand side by side.
        beside(k) = x_margin ** (0.12 * (k - (words(panel_series[p]) + 1) / 2.0))
        plot file using (strcol("kind") eq "ideal" ? column("threads") : NaN):"operations_per_s" with lines dt 13 lw 0.8 lc rgb "#909090" notitle, \
            for [k = 1:words(panel_series[p])] file using (column("series") == int(word(panel_series[p], k)) ? column("threads") * beside(k) : NaN):"operations_per_s" with lines ls int(word(panel_series[p], k)) title series_label[int(word(panel_series[p], k))] noenhanced, \
            for [k = 1:words(panel_series[p])] file using (column("series") == int(word(panel_series[p], k)) ? column("threads") * beside(k) : NaN):"operations_per_s":"low_per_s":"high_per_s" with yerrorbars ls 1000 + int(word(panel_series[p], k)) title series_label[int(word(panel_series[p], k))] noenhanced
    }
}
unset multiplot

# stop_cdf.gp: how long the stops are: a cumulative distribution per backend, one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/stop_cdf.gp
#
# Reads series.csv, chart.csv, stop_cdf.panels.csv and stop_cdf.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "stop_cdf"
title = "How long the program is stopped (left is better)"
subtitle = "Share of stops up to a duration: the median over n invocations of each quantile. Bars are ranges over invocations: of the median stop on the curve, of the longest stop above it."
chart_lines = 1
panel_left = 64; panel_right = 18; panel_top = 24; panel_height = 170; panel_bottom = 42
load here.'layout.gp'

array x_low[panel_count]
array x_high[panel_count]
stats data.'/stop_cdf.panels.csv' using (layout_p = int(column("panel")), x_low[layout_p] = column("low_ns"), \
    x_high[layout_p] = column("high_ns"), 1) nooutput

x_title = "duration of a stop (log scale)"
y_title = "share of stops"
do for [p = first:last] {
    load here.'panel.gp'
    # The longest stops have a lane each above 100 %.
    lanes = words(panel_series[p])
    lane = lanes > 6 ? 0.45 / lanes : 0.07
    set yrange [0:1.03 + lane * (lanes + 0.3)]
    set ytics nomirror ("0%%" 0, "25%%" 0.25, "50%%" 0.5, "75%%" 0.75, "100%%" 1, "longest" 1.03 + lane * (lanes + 1) / 2.0)
    set logscale x
    set xrange [x_low[p]:x_high[p]]
    tick_axis = "x"; tick_kind = "time"; tick_low = x_low[p]; tick_high = x_high[p]; tick_scale = 1; tick_most = 6
    load here.'ticks.gp'
    file = sprintf("%s/stop_cdf.%d.csv", data, p)
    if (lanes == 0) {
        set label 6 "no stops" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "curve" ? column("duration_ns") : NaN):"fraction" with steps ls int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "median" ? column("duration_ns") : NaN):"fraction":"low_ns":"high_ns" with xerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "longest" ? column("duration_ns") : NaN):(1.03 + lane * column("slot")):"low_ns":"high_ns" with xerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced
    }
}
unset multiplot

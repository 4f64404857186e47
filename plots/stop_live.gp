# stop_live.gp: the longest stop against the live heap; one panel for all cells.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/stop_live.gp
#
# Reads series.csv, chart.csv, stop_live.panels.csv and stop_live.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "stop_live"
title = "The longest stop against the live heap (down is better)"
subtitle = "A point is a cell: medians over n invocations of the longest stop and of the most bytes that a collection found live, bars the ranges. Lines join cells that differ in parameters of the workload alone. Numbers: the workload."
chart_lines = 1
panel_left = 74; panel_right = 24; panel_top = 24; panel_height = 260; panel_bottom = 42
load here.'layout.gp'

stats data.'/stop_live.panels.csv' using (x_low = column("low_bytes"), x_high = column("high_bytes"), \
    y_low = column("low_ns"), y_high = column("high_ns"), 1) nooutput

p = 1
x_title = "most live bytes (MiB, log scale)"
y_title = "longest stop (log scale)"
load here.'panel.gp'
set logscale xy
set xrange [x_low:x_high]
set yrange [y_low:y_high]
tick_axis = "x"; tick_kind = "plain"; tick_low = x_low; tick_high = x_high; tick_scale = 2.0 ** 20; tick_most = width == 1 ? 6 : 10
load here.'ticks.gp'
tick_axis = "y"; tick_kind = "time"; tick_low = y_low; tick_high = y_high; tick_scale = 1; tick_most = 10
load here.'ticks.gp'
file = data.'/stop_live.1.csv'
plot for [s in panel_series[p]] file using (column("series") == int(s) ? column("live_bytes") : NaN):"longest_ns" with lines ls int(s) title series_label[int(s)] noenhanced, \
    for [s in panel_series[p]] file using (column("series") == int(s) ? column("live_bytes") : NaN):"longest_ns":"live_low_bytes":"live_high_bytes":"longest_low_ns":"longest_high_ns" with xyerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced, \
    file using (column("series") > 0 ? column("live_bytes") : NaN):"longest_ns":(text("workload")) with labels left offset 0.6, 0.5 font font(9) tc rgb "#505050" noenhanced notitle
unset multiplot

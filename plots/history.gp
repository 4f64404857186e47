# history.gp: how figures went over many runs, and where their level changed; a panel per workload and
# metric.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/history.gp
#
# Reads series.csv, chart.csv, history.runs.csv, history.panels.csv and history.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "history"
title = "How figures went from run to run (lower is better)"
subtitle = "Medians over n invocations of each run of the history, bars are 95 % intervals of the median where n allows one. Thick lines: the levels before and after a change point (E-divisive, p < 0.001, more than 5 %)."
chart_lines = 1
panel_left = 74; panel_right = 24; panel_top = 24; panel_height = 150; panel_bottom = 42
stats data.'/history.runs.csv' using (column("run")) nooutput
run_count = int(STATS_max)
array run_date[run_count]
stats data.'/history.runs.csv' using (run_date[int(column("run"))] = text("date"), 1) nooutput
load here.'layout.gp'

array y_low[panel_count]
array y_high[panel_count]
array y_kind[panel_count]
array y_scale[panel_count]
stats data.'/history.panels.csv' using (layout_p = int(column("panel")), y_low[layout_p] = column("low"), y_high[layout_p] = column("high"), \
    y_kind[layout_p] = strcol("tick_kind"), y_scale[layout_p] = column("tick_scale"), 1) nooutput
x_title = "runs, by date"
y_title = "log scale"
do for [p = first:last] {
    load here.'panel.gp'
    set logscale y
    set xrange [0.5:run_count + 0.5]
    set yrange [y_low[p]:y_high[p]]
    # A date needs about 70 pixels.
    run_step = int(ceil(run_count / floor(panel_width / 70.0)))
    run_step = run_step < 1 ? 1 : run_step
    set xtics () nomirror
    do for [r = 1:run_count:run_step] { set xtics add (run_date[r] r) }
    tick_axis = "y"; tick_kind = y_kind[p]; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = y_scale[p]; tick_most = 7
    load here.'ticks.gp'
    file = sprintf("%s/history.%d.csv", data, p)
    plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "point" ? column("run") : NaN):"value" with lines ls int(s) lw 0.8 title series_label[int(s)] noenhanced, \
        for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "point" ? column("run") : NaN):"value":"low":"high" with yerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced, \
        for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "level" ? column("run") : NaN):"value":(column("low") - column("run")):(0) with vectors nohead ls 1000 + int(s) lw 3 title series_label[int(s)] noenhanced
}
unset multiplot

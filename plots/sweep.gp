# sweep.gp: the panels of a heap sweep, for time_space.gp and time_limit.gp, which set chart, title,
# subtitle and x_title.
reference = ""
stats data.'/chart.csv' using (strcol("key") eq "reference" ? (reference = text("value"), 1) : 1) nooutput
# A reference that is itself swept is no point.
sweep_references = 0
stats data.'/'.chart.'.panels.csv' using (column("reference_ns") > 0 ? (sweep_references = 1, 1) : 1) nooutput
if (!sweep_references) { reference = "" }
subtitle = subtitle.(reference eq "" ? "" : " Dotted lines and far axes: multiples of ".reference.".")
chart_lines = 1
panel_left = 72; panel_right = 44; panel_top = 44; panel_height = 200; panel_bottom = 42
load here.'layout.gp'

array x_low[panel_count]
array x_high[panel_count]
array y_low[panel_count]
array y_high[panel_count]
array x_reference[panel_count]
array y_reference[panel_count]
stats data.'/'.chart.'.panels.csv' using (layout_p = int(column("panel")), x_low[layout_p] = column("low_bytes"), \
    x_high[layout_p] = column("high_bytes"), y_low[layout_p] = column("low_ns"), y_high[layout_p] = column("high_ns"), \
    x_reference[layout_p] = column("reference_bytes"), y_reference[layout_p] = column("reference_ns"), 1) nooutput

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
    file = sprintf("%s/%s.%d.csv", data, chart, p)
    if (words(panel_series[p]) == 0) {
        set label 6 "nothing measured" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        # Rows of other series would break a line that a missing point must not.
        set datafile missing NaN
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "curve" ? column("memory_bytes") : NaN):"wall_ns" with lines ls int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) ? column("memory_bytes") : NaN):"wall_ns":"memory_low_bytes":"memory_high_bytes":"wall_low_ns":"wall_high_ns" with xyerrorbars ls 1000 + int(s) ps 0.8 * point_scale title series_label[int(s)] noenhanced
    }
}
unset multiplot

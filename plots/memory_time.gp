# memory_time.gp: resident memory over time, with collections marked; one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/memory_time.gp
#
# Reads series.csv, chart.csv, memory_time.panels.csv, memory_time.PANEL.csv and
# memory_time.PANEL.collections.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "memory_time"
title = "Resident memory over time (lower is better; a shorter curve is faster)"
subtitle = "One invocation of each backend, that of median wall time among n. Pages that the allocator has offered back are subtracted. Ticks below the axis are starts of collections."
chart_lines = 1
panel_left = 62; panel_right = 18; panel_top = 24; panel_height = 170; panel_bottom = 42
load here.'layout.gp'

array t_high[panel_count]
array m_high[panel_count]
array lane_count[panel_count]
stats data.'/memory_time.panels.csv' using (layout_p = int(column("panel")), t_high[layout_p] = column("high_ns"), \
    m_high[layout_p] = column("high_bytes"), lane_count[layout_p] = int(column("lanes")), 1) nooutput

load here.'steps.gp'

do for [p = first:last] {
    t_unit = t_high[p] < 2e6 ? 1e3 : t_high[p] < 2e9 ? 1e6 : 1e9
    m_unit = m_high[p] < 2 * 2.0 ** 20 ? 2.0 ** 10 : m_high[p] < 2 * 2.0 ** 30 ? 2.0 ** 20 : 2.0 ** 30
    x_title = "time since the measured part began (".(t_unit == 1e9 ? "s" : t_unit == 1e6 ? "ms" : "µs").")"
    y_title = "resident memory (".(m_unit == 2.0 ** 10 ? "KiB" : m_unit == 2.0 ** 20 ? "MiB" : "GiB").")"
    load here.'panel.gp'
    x_range = t_high[p] / t_unit
    y_range = m_high[p] / m_unit
    # A lane of ticks per collecting backend, under the zero of the memory axis.
    lanes = lane_count[p]
    lane = 0.06 * y_range
    set xrange [0:x_range]
    set yrange [-lane * (lanes > 0 ? lanes + 0.4 : 0):y_range]
    set xtics nomirror 0, step_of(x_range, 7), x_range
    set ytics nomirror 0, step_of(y_range, 6), y_range
    set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lt 1 lw 0.8 lc rgb "#404040"
    file = sprintf("%s/memory_time.%d.csv", data, p)
    collections = sprintf("%s/memory_time.%d.collections.csv", data, p)
    if (words(panel_series[p]) == 0) {
        set label 6 "no samples" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else { if (lanes == 0) {
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "curve" ? column("t_ns") / t_unit : NaN):(column("memory_bytes") / m_unit) with lines ls int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "end" ? column("t_ns") / t_unit : NaN):(column("memory_bytes") / m_unit) with points ls 1000 + int(s) title series_label[int(s)] noenhanced
    } else {
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "curve" ? column("t_ns") / t_unit : NaN):(column("memory_bytes") / m_unit) with lines ls int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "end" ? column("t_ns") / t_unit : NaN):(column("memory_bytes") / m_unit) with points ls 1000 + int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] collections using (column("series") == int(s) ? column("t_ns") / t_unit : NaN):(-lane * column("lane")):(0):(0.75 * lane) with vectors nohead ls 1000 + int(s) lw 0.8 title series_label[int(s)] noenhanced
    } }
}
unset multiplot

# latency_hdr.gp: latency of operations against percentile, on an axis of 1/(1-q) that gives every
# further nine the same room; one panel per workload, and for requests one per series of latency.csv.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/latency_hdr.gp
#
# Reads series.csv, chart.csv, latency_hdr.panels.csv and latency_hdr.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "latency_hdr"
title = "How long an operation takes, by percentile (lower is better)"
subtitle = "Each curve is the median over n invocations and ends where fewer than 10 operations are left; bars are ranges over invocations. At the right, the longest operation. Requests also metered: as a queue in front of the program would have felt them, smoothed over 100 ms or the whole run; and in an open loop: from the time they were due. Their panels share the axes."
chart_lines = 1
panel_left = 70; panel_right = 18; panel_top = 24; panel_height = 180; panel_bottom = 42
load here.'layout.gp'

array y_low[panel_count]
array y_high[panel_count]
array x_high[panel_count]
stats data.'/latency_hdr.panels.csv' using (layout_p = int(column("panel")), y_low[layout_p] = column("low_ns"), \
    y_high[layout_p] = column("high_ns"), x_high[layout_p] = column("inverse_tail_high"), 1) nooutput

x_title = "percentile of operations"
y_title = "latency (log scale)"
do for [p = first:last] {
    load here.'panel.gp'
    set logscale xy
    # A lane each for the longest operations, right of where the curves end.
    lanes = words(panel_series[p])
    share = lanes < 5 ? 0.22 : 0.035 * lanes + 0.05
    step = 0.035 * log10(x_high[p]) / (1 - share)
    set xrange [1:10 ** (log10(x_high[p]) / (1 - share))]
    set yrange [y_low[p]:y_high[p]]
    # Labels of every nine, or of every second one where they would touch
    # each other or the next.
    nines = panel_width * (1 - share) / log10(x_high[p]) > 46 ? 1 : 2
    set xtics nomirror ((log10(x_high[p]) < 2.6 ? "0%%" : "") 1, "50%%" 2)
    do for [nine = 1:int(log10(x_high[p]) + 1e-9)] {
        set xtics add ((nine - 1) % nines > 0 || (nine >= 5 && 10 ** nine > 0.8 * x_high[p]) ? "" : nine == 1 ? "90%%" : nine == 2 ? "99%%" : "99.".("9999999"[1:nine - 2])."%%" 10 ** nine)
    }
    set arrow 1 from 10 ** (log10(x_high[p]) + 0.8 * step), graph 0 to 10 ** (log10(x_high[p]) + 0.8 * step), graph 1 nohead back lt 1 lw 0.5 lc rgb "#909090"
    # Below the lanes, but where few of them leave it no room, clear of the last nine.
    set xtics add ("longest" 10 ** (log10(x_high[p]) + step * (lanes < 7 ? 4.9 : 0.9 + (lanes + 1) / 2.0)))
    tick_axis = "y"; tick_kind = "time"; tick_low = y_low[p]; tick_high = y_high[p]; tick_scale = 1; tick_most = 8
    load here.'ticks.gp'
    file = sprintf("%s/latency_hdr.%d.csv", data, p)
    if (lanes == 0) {
        set label 6 "no latencies recorded" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "curve" ? column("inverse_tail") : NaN):"latency_ns" with lines ls int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "mark" ? column("inverse_tail") : NaN):"latency_ns":"low_ns":"high_ns" with yerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("kind") eq "longest" ? 10 ** (log10(x_high[p]) + step * (0.9 + column("slot"))) : NaN):"latency_ns":"low_ns":"high_ns" with yerrorbars ls 1000 + int(s) title series_label[int(s)] noenhanced
    }
}
unset multiplot

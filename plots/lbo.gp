# lbo.gp: lower-bound overhead in wall and in CPU time: two bars per backend, one panel per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/lbo.gp
#
# Reads series.csv, chart.csv, lbo.panels.csv and lbo.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "lbo"
title = "Lower-bound overhead (down is better)"
subtitle = "Total over the least distilled cost of all backends here: that of a backend without its stops. Left bars, full: wall time; right bars, light: CPU time. Medians over n invocations."
chart_lines = 0
panel_left = 52; panel_right = 18; panel_top = 24; panel_height = 170; panel_bottom = 18
load here.'layout.gp'

array y_high[panel_count]
stats data.'/lbo.panels.csv' using (layout_p = int(column("panel")), y_high[layout_p] = column("high"), 1) nooutput

x_title = ""
y_title = "total / least distilled cost"
bar = 0.4
do for [p = first:last] {
    load here.'panel.gp'
    slots = words(panel_series[p])
    set xrange [-0.6:(slots < 4 ? 3.6 : slots - 0.4)]
    # Where bars are narrow their figures stand upright.
    upright = slots > 5
    set yrange [0:(upright ? 1.2 : 1.12) * y_high[p]]
    unset xtics
    set ytics autofreq nomirror scale 0.6, 0.3 font font_tics
    set arrow 1 from graph 0, first 1 to graph 1, first 1 nohead back dt 13 lw 0.8 lc rgb "#606060"
    file = sprintf("%s/lbo.%d.csv", data, p)
    if (slots == 0) {
        set label 6 "nothing measured" at graph 0.5, graph 0.5 center font font(12) tc rgb "#808080"
        plot NaN notitle
    } else {
        label_size = slots > 8 ? 7 : 9
        plot for [s in panel_series[p]] file using (column("series") == int(s) && strcol("time") eq "wall" ? column("slot") - bar / 2 : NaN):"lbo":(bar) with boxes fs solid 1 border ls 1000 + int(s) title series_label[int(s)] noenhanced, \
            for [s in panel_series[p]] file using (column("series") == int(s) && strcol("time") eq "cpu" ? column("slot") + bar / 2 : NaN):"lbo":(bar) with boxes fs solid 0.35 border ls 1000 + int(s) title series_label[int(s)] noenhanced, \
            for [once = 1:!upright] file using (column("slot") + (strcol("time") eq "wall" ? -bar / 2 : bar / 2)):"lbo":(text("text")) with labels offset 0, 0.6 font font(label_size) noenhanced notitle, \
            for [once = 1:upright] file using (column("slot") + (strcol("time") eq "wall" ? -bar / 2 : bar / 2)):"lbo":(text("text")) with labels left rotate by 90 offset 0, 0.3 font font(label_size) noenhanced notitle
    }
}
unset multiplot

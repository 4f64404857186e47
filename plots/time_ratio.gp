# time_ratio.gp: wall time of every backend and workload as a multiple of the reference's, with its
# interval; one block of rows per workload.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/time_ratio.gp
#
# Reads series.csv, chart.csv, time_ratio.panels.csv and time_ratio.csv of `data`. The rows count on
# through all panels; a page shows those of its panels.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "time_ratio"
reference = ""
interval = ""
stats data.'/chart.csv' using (strcol("key") eq "reference" ? (reference = text("value"), 1) : 1) nooutput
stats data.'/time_ratio.panels.csv' using (interval = text("interval"), 1) nooutput
title = "Wall time relative to ".reference." (left is faster)"
subtitle = "Points are Hodges-Lehmann estimates of the ratio over n invocations; ".interval
chart_lines = 0
legend_shown = 0

if (!exists("width")) { width = 2 }
if (!exists("first")) { first = 1 }
stats data.'/time_ratio.panels.csv' using (column("panel")) nooutput
if (!exists("last")) { last = int(STATS_max) }
stats data.'/time_ratio.panels.csv' using (column("panel") == first ? (row_first = int(column("row_first")), 1) : 1, \
    column("panel") == last ? (row_last = int(column("row_last")), 1) : 1, \
    (x_low = column("low"), x_high = column("high"), 1)) nooutput
stacked = 1

# Room for the longest label, within reason; a longer one is cut off.
label_most = width == 1 ? 16 : 44
label_longest = 0
stats data.'/time_ratio.csv' using (strcol("kind") ne "heading" && strlen(text("label")) > label_longest ? (label_longest = strlen(text("label")), 1) : 1) nooutput
label_longest = label_longest > label_most ? label_most : label_longest
short(label) = strlen(label) <= label_most ? label : label[1:label_most - 1]."…"
panel_left = 34 + 6.6 * label_longest; panel_right = width == 1 ? 124 : 160
panel_top = 4; panel_height = 15 * (row_last - row_first + 1) + 6; panel_bottom = 42
load here.'layout.gp'

array row_kind[row_last]
array row_label[row_last]
array row_text[row_last]
stats data.'/time_ratio.csv' using (layout_r = int(column("row")), layout_r > row_last ? 1 : (row_kind[layout_r] = strcol("kind"), \
    row_label[layout_r] = text("label"), row_text[layout_r] = text("text"), 1)) nooutput

p = first
x_title = "wall time, multiple of that of ".reference." (log scale)"
y_title = ""
load here.'panel.gp'
unset label 1
unset label 2
unset label 5
unset ytics
set grid noytics
set border 1
set logscale x
set xrange [x_low:x_high]
set yrange [-row_last - 0.7:-row_first + 0.7]
tick_axis = "x"; tick_kind = "times"; tick_low = x_low; tick_high = x_high; tick_scale = 1; tick_most = 8
load here.'ticks.gp'
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead back dt 1 lw 1 lc rgb "#606060"
do for [layout_r = row_first:row_last] {
    # What has no ratio has room to say why.
    if (row_kind[layout_r] eq "missing") {
        set label row_text[layout_r] at graph 0.01, first -layout_r left font font(10.5) tc rgb "#606060" noenhanced
    } else {
        set label row_text[layout_r] at screen px(canvas_width - 12), first -layout_r right font font(10.5) tc rgb (row_kind[layout_r] eq "ratio" ? "#000000" : "#606060") noenhanced
    }
    if (row_kind[layout_r] eq "heading") {
        set label row_label[layout_r] at screen px(12), first -layout_r left font font(12) noenhanced
        if (layout_r > row_first) { set arrow from screen px(12), first -layout_r + 0.5 to screen px(canvas_width - 12), first -layout_r + 0.5 nohead dt 1 lw 0.5 lc rgb "#bbbbbb" }
    } else {
        set label short(row_label[layout_r]) at screen px(panel_left - 10), first -layout_r right font font(10.5) noenhanced
    }
}
plot for [s = 1:series_count] data.'/time_ratio.csv' using (column("series") == s && column("row") >= row_first && column("row") <= row_last ? column("ratio") : NaN):(-column("row")):"ratio_low":"ratio_high" with xerrorbars ls 1000 + s ps 0.8 * point_scale title series_label[s] noenhanced
unset multiplot

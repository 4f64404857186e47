# rows.gp: ratios with their intervals, a row each, in blocks under headings: for time_ratio.gp and
# ab_ratio.gp, which set chart, width, title, subtitle, x_title and rows_right, the room for the column
# rows_text, by default `text`; and may set rows_label_most, characters, and rows_font.
# Where CHART.csv has same_low and same_high, rows_tolerance = 1 shades what counts as the same.
chart_lines = 0
legend_shown = 0
if (!exists("rows_tolerance")) { rows_tolerance = 0 }
if (!exists("rows_label_most")) { rows_label_most = width == 1 ? 16 : 44 }
if (!exists("rows_font")) { rows_font = 10.5 }
if (!exists("rows_text")) { rows_text = "text" }
if (!exists("first")) { first = 1 }
stats data.'/'.chart.'.panels.csv' using (column("panel")) nooutput
if (!exists("last")) { last = int(STATS_max) }
stats data.'/'.chart.'.panels.csv' using (column("panel") == first ? (row_first = int(column("row_first")), 1) : 1, \
    column("panel") == last ? (row_last = int(column("row_last")), 1) : 1, \
    (x_low = column("low"), x_high = column("high"), 1)) nooutput
stacked = 1

# Room for the longest label, within reason; a longer one is cut off.
label_most = rows_label_most
label_longest = 0
stats data.'/'.chart.'.csv' using (strcol("kind") ne "heading" && strlen(text("label")) > label_longest ? (label_longest = strlen(text("label")), 1) : 1) nooutput
label_longest = label_longest > label_most ? label_most : label_longest
short(label) = strlen(label) <= label_most ? label : label[1:label_most - 1]."…"
panel_left = 34 + 0.63 * rows_font * label_longest; panel_right = rows_right
panel_top = 4; panel_height = 15 * (row_last - row_first + 1) + 6; panel_bottom = 42
load here.'layout.gp'

array row_kind[row_last]
array row_label[row_last]
array row_text[row_last]
stats data.'/'.chart.'.csv' using (layout_r = int(column("row")), layout_r > row_last ? 1 : (row_kind[layout_r] = strcol("kind"), \
    row_label[layout_r] = text("label"), row_text[layout_r] = text(strcol("kind") eq "heading" ? "text" : rows_text), 1)) nooutput

p = first
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
tick_axis = "x"; tick_kind = "times"; tick_low = x_low; tick_high = x_high; tick_scale = 1; tick_most = int((canvas_width - panel_left - panel_right) / 38)
if (tick_most < 4) { tick_most = 4 }
load here.'ticks.gp'
set style fill solid 1 noborder
set arrow 1 from first 1, graph 0 to first 1, graph 1 nohead back dt 1 lw 1 lc rgb "#606060"
if (rows_tolerance) { set arrow 1 front lw 0.6 }
do for [layout_r = row_first:row_last] {
    # What has no ratio has room to say why.
    if (row_kind[layout_r] eq "missing") {
        set label row_text[layout_r] at graph 0.01, first -layout_r left font font(rows_font) tc rgb "#606060" noenhanced
    } else {
        set label row_text[layout_r] at screen px(canvas_width - 12), first -layout_r right font font(rows_font) tc rgb (row_kind[layout_r] eq "ratio" ? "#000000" : "#606060") noenhanced
    }
    if (row_kind[layout_r] eq "heading") {
        set label row_label[layout_r] at screen px(12), first -layout_r left font font(12) noenhanced
        if (layout_r > row_first) { set arrow from screen px(12), first -layout_r + 0.5 to screen px(canvas_width - 12), first -layout_r + 0.5 nohead dt 1 lw 0.5 lc rgb "#bbbbbb" }
    } else {
        set label short(row_label[layout_r]) at screen px(panel_left - 10), first -layout_r right font font(rows_font) noenhanced
    }
}
rows_shown(r) = r >= row_first && r <= row_last
plot data.'/'.chart.'.csv' using (rows_tolerance && rows_shown(column("row")) ? 1 : NaN):(-column("row")):(rows_tolerance ? column("same_low") : NaN):(rows_tolerance ? column("same_high") : NaN):(-column("row") - 0.32):(-column("row") + 0.32) with boxxyerror lc rgb "#e8e8e8" notitle, \
    for [s = 1:series_count] data.'/'.chart.'.csv' using (column("series") == s && rows_shown(column("row")) ? column("ratio") : NaN):(-column("row")):"ratio_low":"ratio_high" with xerrorbars ls 1000 + s ps 0.8 * point_scale title series_label[s] noenhanced
unset multiplot

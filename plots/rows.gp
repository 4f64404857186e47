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

array row_kind[row_last]
array row_label[row_last]
array row_text[row_last]
stats data.'/'.chart.'.csv' using (layout_r = int(column("row")), layout_r > row_last ? 1 : (row_kind[layout_r] = strcol("kind"), \
    row_label[layout_r] = text("label"), row_text[layout_r] = text(strcol("kind") eq "heading" ? "text" : rows_text), 1)) nooutput

# A label stands beside its row, which has the room of the longest; one that is too long stands above, in
# full, and so do all where many are.
rows_labels = 0
rows_long = 0
do for [layout_r = row_first:row_last] {
    if (row_kind[layout_r] ne "heading") {
        rows_labels = rows_labels + 1
        if (strlen(row_label[layout_r]) > rows_label_most) { rows_long = rows_long + 1 }
    }
}
label_most = 3 * rows_long > rows_labels ? 0 : rows_label_most
canvas_most = width == 1 ? 360 : 720
above_left = 24
above_most = int((canvas_most - above_left - 12) / (0.6 * rows_font))
# It is broken behind a blank or comma, if there is one in its second half.
above_break(s, n) = n < above_most / 2 ? above_most : s[n:n] eq " " || s[n:n] eq "," ? n : above_break(s, n - 1)
above_text(s) = strlen(s) <= above_most ? s : (above_n = above_break(s, above_most), s[1:above_n]."\n".above_text(s[above_n + 1:strlen(s)]))
above_lines(s) = strlen(s) <= above_most ? 1 : 1 + above_lines(s[above_break(s, above_most) + 1:strlen(s)])

# Rows are counted down the page in lines of 15 pixels.
array row_above[row_last]
array row_line[row_last]
row_lines = 0
label_longest = 0
do for [layout_r = row_first:row_last] {
    row_above[layout_r] = row_kind[layout_r] ne "heading" && strlen(row_label[layout_r]) > label_most ? above_lines(row_label[layout_r]) : 0
    if (row_kind[layout_r] ne "heading" && row_above[layout_r] == 0 && strlen(row_label[layout_r]) > label_longest) { label_longest = strlen(row_label[layout_r]) }
    row_lines = row_lines + 1 + row_above[layout_r]
    row_line[layout_r] = row_lines
}
panel_left = 34 + 0.63 * rows_font * label_longest; panel_right = rows_right
panel_top = 4; panel_height = 15 * row_lines + 6; panel_bottom = 42
load here.'layout.gp'

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
set yrange [-row_lines - 0.7:-0.3]
tick_axis = "x"; tick_kind = "times"; tick_low = x_low; tick_high = x_high; tick_scale = 1; tick_most = int((canvas_width - panel_left - panel_right) / 38)
if (tick_most < 4) { tick_most = 4 }
load here.'ticks.gp'
set style fill solid 1 noborder
do for [layout_r = row_first:row_last] {
    row_at = -row_line[layout_r]
    # The line of no difference, where no text is.
    if (row_kind[layout_r] ne "heading" && row_kind[layout_r] ne "missing") {
        if (rows_tolerance) {
            set arrow from first 1, first row_at - 0.5 to first 1, first row_at + 0.5 nohead front dt 1 lw 0.6 lc rgb "#606060"
        } else {
            set arrow from first 1, first row_at - 0.5 to first 1, first row_at + 0.5 nohead back dt 1 lw 1 lc rgb "#606060"
        }
    }
    # What has no ratio has room to say why.
    if (row_kind[layout_r] eq "missing") {
        set label row_text[layout_r] at graph 0.01, first row_at left font font(rows_font) tc rgb "#606060" noenhanced
    } else {
        set label row_text[layout_r] at screen px(canvas_width - 12), first row_at right font font(rows_font) tc rgb (row_kind[layout_r] eq "ratio" ? "#000000" : "#606060") noenhanced
    }
    if (row_kind[layout_r] eq "heading") {
        set label row_label[layout_r] at screen px(12), first row_at left font font(12) noenhanced
        if (layout_r > row_first) { set arrow from screen px(12), first row_at + 0.5 to screen px(canvas_width - 12), first row_at + 0.5 nohead dt 1 lw 0.5 lc rgb "#bbbbbb" }
    } else { if (row_above[layout_r] > 0) {
        set label above_text(row_label[layout_r]) at screen px(above_left), first row_at + row_above[layout_r] left font font(rows_font) noenhanced
    } else {
        set label row_label[layout_r] at screen px(panel_left - 10), first row_at right font font(rows_font) noenhanced
    } }
}
rows_shown(r) = r >= row_first && r <= row_last
rows_at(r) = rows_shown(r) ? -row_line[int(r)] : NaN
plot data.'/'.chart.'.csv' using (rows_tolerance && rows_shown(column("row")) ? 1 : NaN):(rows_at(column("row"))):(rows_tolerance ? column("same_low") : NaN):(rows_tolerance ? column("same_high") : NaN):(rows_at(column("row")) - 0.32):(rows_at(column("row")) + 0.32) with boxxyerror lc rgb "#e8e8e8" notitle, \
    for [s = 1:series_count] data.'/'.chart.'.csv' using (column("series") == s && rows_shown(column("row")) ? column("ratio") : NaN):(rows_at(column("row"))):"ratio_low":"ratio_high" with xerrorbars ls 1000 + s ps 0.8 * point_scale title series_label[s] noenhanced
unset multiplot

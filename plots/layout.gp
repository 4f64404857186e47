# layout.gp: opens the output and draws what surrounds the panels: title, subtitle, legend.
#
# Needs `here` (the folder of these scripts, with a slash), `data`, `out`, and of the chart: `chart`
# (its name), `title`, `subtitle`, `panel_height` (of the plot area, in pixels), `panel_left`,
# `panel_right`, `panel_top`, `panel_bottom` (room around it). Optional: `width`, 2 (two columns of a
# paper, the default) or 1; `first` and `last`, the panels to draw; `stacked`: they
# share one plot area. The format follows the ending of
# `out`: .svg, .png or .pdf.
#
# Leaves a multiplot, panel_title[], panel_n[], panel_note[], panel_series[] (numbers joined by blanks), and
# px(x), py(y): screen coordinates of pixels counted from the left and from the top.
#
# Text from files is only ever shown, never evaluated: it reaches labels and titles as the value of
# a variable, with noenhanced.

if (!exists("width")) { width = 2 }
canvas_width = width == 1 ? 360 : 720
# Sizes are in pixels of 1/96 inch; cairo's are in points, and it sets lines closer.
font(pixels) = sprintf(",%g", (format eq ".svg" ? 1 : 0.75) * pixels)
font_tics = font(10)
line_height = format eq ".svg" ? 14.5 : 12.5
font_width = 0.6

chart_command = ""
stats data.'/chart.csv' using (strcol("key") eq "command" ? (chart_command = text("value"), 1) : 1) nooutput

stats data.'/'.chart.'.panels.csv' using (column("panel")) nooutput
panel_count = int(STATS_max)
if (!exists("first")) { first = 1 }
if (!exists("last")) { last = panel_count }
array panel_title[panel_count]
array panel_n[panel_count]
array panel_note[panel_count]
array panel_series[panel_count]
stats data.'/'.chart.'.panels.csv' using (layout_p = int(column("panel")), \
    panel_title[layout_p] = text("title"), panel_n[layout_p] = text("n"), panel_note[layout_p] = text("note"), \
    panel_series[layout_p] = text("series"), 1) nooutput

if (!exists("stacked")) { stacked = 0 }
panel_columns = (stacked || width == 1 || last == first) ? 1 : 2
panel_rows = stacked ? 1 : (last - first) / panel_columns + 1
cell_width = canvas_width / panel_columns

# Notes: wrapped to the width of a panel; a row of panels has the room of its longest.
wrap_chars = int((cell_width - 24) / (9 * font_width))
array row_height[panel_rows]
do for [layout_r = 1:panel_rows] { row_height[layout_r] = panel_top + panel_height + panel_bottom }
do for [layout_p = first:last] {
    wrap_text = stacked ? "" : panel_note[layout_p]
    load here.'wrap.gp'
    panel_note[layout_p] = wrap_result
    layout_r = stacked ? 1 : (layout_p - first) / panel_columns + 1
    layout_height = panel_top + panel_height + panel_bottom + line_height * wrap_lines + 14
    if (layout_height > row_height[layout_r]) { row_height[layout_r] = layout_height }
}

wrap_text = title
wrap_chars = int((canvas_width - 24) / (14 * font_width))
load here.'wrap.gp'
title = wrap_result
subtitle_top = 15 + 17 * wrap_lines
wrap_text = subtitle
wrap_chars = int((canvas_width - 24) / (10 * font_width))
load here.'wrap.gp'
subtitle = wrap_result
header_height = subtitle_top - 4 + line_height * wrap_lines + 4

# The legend: only what these panels show, in rows as wide as the canvas.
legend_used = " "
do for [layout_p = first:last] {
    do for [layout_s in panel_series[layout_p]] {
        if (strstrt(legend_used, " ".layout_s." ") == 0) { legend_used = legend_used.layout_s." " }
    }
}
array legend_x[series_count]
array legend_y[series_count]
legend_marker = chart_lines ? 28 : 8
legend_at = 12
legend_rows = legend_used eq " " ? 0 : 1
do for [layout_s = 1:series_count] {
    if (strstrt(legend_used, sprintf(" %d ", layout_s)) > 0) {
        legend_width = legend_marker + 5 + 11 * font_width * strlen(series_label[layout_s]) + 14
        if (legend_at > 12 && legend_at + legend_width > canvas_width) {
            legend_at = 12
            legend_rows = legend_rows + 1
        }
        legend_x[layout_s] = legend_at
        legend_y[layout_s] = header_height + 16 * legend_rows - 8
        legend_at = legend_at + legend_width
    }
}
if (!exists("legend_shown")) { legend_shown = 1 }
if (!legend_shown) { legend_rows = 0 }
panels_top = header_height + 16 * legend_rows + 4
canvas_height = panels_top + int(sum [layout_r = 1:panel_rows] row_height[layout_r]) + 2

px(x) = x / real(canvas_width)
py(y) = 1 - y / real(canvas_height)
# Of panel p: the edges of its cell and of its plot area.
cell_x(p) = ((p - first) % panel_columns) * cell_width
cell_y(p) = panels_top + (p - first < panel_columns ? 0 : sum [layout_r = 1:(p - first) / panel_columns] row_height[layout_r])

set decimalsign '.'
if (format eq ".png") {
    set terminal pngcairo noenhanced size 2 * canvas_width, 2 * canvas_height font "sans,8.25" fontscale 2 linewidth 2 pointscale 2 dashlength 1.2 background "#ffffff"
} else { if (format eq ".pdf") {
    set terminal pdfcairo noenhanced size canvas_width / 96.0, canvas_height / 96.0 font "sans,8.25" linewidth 1 pointscale 0.5 background "#ffffff"
} else { if (format eq ".svg") {
    set terminal svg noenhanced size canvas_width, canvas_height font "Helvetica,Arial,sans-serif,11" background "#ffffff"
} else {
    print "gcmeter: out='".out."' must end in .svg, .png or .pdf"
    exit status 2
} } }
set output out
set multiplot

set lmargin at screen 0; set rmargin at screen 1; set tmargin at screen 1; set bmargin at screen 0
unset border; unset tics; unset key
set xrange [0:1]; set yrange [0:1]
set label 1 title at screen px(12), py(15) left font font(14) noenhanced
set label 2 subtitle at screen px(12), py(subtitle_top) left font font(10) tc rgb "#404040" noenhanced
if (legend_shown) {
    do for [layout_s = 1:series_count] {
        if (strstrt(legend_used, sprintf(" %d ", layout_s)) > 0) {
            legend_cx = legend_x[layout_s]
            legend_cy = legend_y[layout_s]
            if (chart_lines) { set arrow from screen px(legend_cx), py(legend_cy) to screen px(legend_cx + legend_marker), py(legend_cy) nohead ls layout_s }
            set label "" at screen px(legend_cx + legend_marker / 2), py(legend_cy) point ls 1000 + layout_s ps 0.8 * point_scale
            set label series_label[layout_s] at screen px(legend_cx + legend_marker + 5), py(legend_cy) left font font(11) noenhanced
        }
    }
}
# The command that made the run: an element without points, whose title SVG keeps.
plot NaN with points title chart_command noenhanced
unset label
unset arrow

set border 3 lw 0.8 lc rgb "#404040"
set tics out nomirror scale 0.6, 0.3 font font_tics
set grid xtics ytics lt 1 lw 0.5 lc rgb "#dddddd"
set errorbars small

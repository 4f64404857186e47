# style.gp: one colour, marker and dash per backend, the same in every chart.
#
# Needs `data` and `out`. Leaves series_count, series_label[], and a line style per series (`ls SERIES`); also
# text(), which every script reads text with.
#
# Colours are those of Okabe & Ito, "Color Universal Design" (2008), safe for the colour-blind, with
# grey in place of yellow, which does not show on white. In grey print the markers and dashes tell.
# A backend that is not named here takes a spare style by a hash of its name, so that it keeps it
# from run to run. Variants of a backend share its colour and differ in marker and dash.

set encoding utf8

style_names   = "marksweep boehm mimalloc malloc jemalloc tcmalloc nofree go"
style_colours = "0072B2 D55E00 009E73 CC79A7 E69F00 56B4E9 8C8C8C 000000"
style_markers = "7 5 9 11 13 15 2 3"
# Paul Tol's muted scheme ("Colour Schemes", SRON/EPS/TN/09-002), where it keeps clear of the above.
style_spare_colours = "332288 882255 44AA99 999933 AA4499 117733 661100"
style_spare_markers = "6 4 8 10 12 14 1"
style_variant_markers = "6 4 8 10 12 14 1 2 3"

set dashtype 12 (10, 3)
set dashtype 13 (4, 2)
set dashtype 14 (10, 3, 2, 3)
set dashtype 15 (6, 2, 2, 2, 2, 2)
set dashtype 16 (2, 2)
set dashtype 17 (1, 3)
set dashtype 18 (14, 3, 5, 3)

style_position(name) = int(sum [style_i = 1:words(style_names)] \
    (word(style_names, style_i) eq name ? style_i : 0))
style_letters = "._-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
style_hash(name) = int(sum [style_i = 1:strlen(name)] \
    style_i * strstrt(style_letters, name[style_i:style_i]))

# The formats differ in what they take a point to be.
format = strlen(out) > 4 ? out[strlen(out) - 3:strlen(out)] : ""
point_scale = format eq ".svg" ? 0.7 : 1

set datafile separator comma
set datafile columnheaders

# Text in the tables has percent sign, comma and backslash written %25, %2C and %5C, since gnuplot 5.4
# ends a quoted field that an expression reads at its first comma, and takes \n for a line break.
# text(column name) is the text itself.
text_character(code) = code eq "%2C" ? "," : code eq "%25" ? "%" : code eq "%5C" ? "\\" : code
text_decode(s) = (text_i = strstrt(s, "%")) == 0 ? s : \
    (text_i > 1 ? s[1:text_i - 1] : "").text_character(s[text_i:text_i + 2]).text_decode(s[text_i + 3:strlen(s)])
text(column_name) = text_decode(strcol(column_name))

stats data.'/series.csv' using (column("series")) nooutput
series_count = int(STATS_max)
array series_label[series_count]
array style_backend[series_count]
array style_variant[series_count]
array style_spare[series_count]
stats data.'/series.csv' using (style_s = int(column("series")), \
    series_label[style_s] = text("label"), style_backend[style_s] = text("backend"), \
    style_variant[style_s] = int(column("variant")), style_spare[style_s] = -1, 1) nooutput

# Spare styles: the slot of the hash, else the next free one; shared only when all are taken.
style_taken = ""
do for [style_s = 1:series_count] {
    if (style_position(style_backend[style_s]) == 0) {
        style_slot = -1
        do for [style_o = 1:style_s - 1] {
            if (style_backend[style_o] eq style_backend[style_s]) { style_slot = style_spare[style_o] }
        }
        if (style_slot < 0) {
            style_slots = words(style_spare_colours)
            style_slot = style_hash(style_backend[style_s]) % style_slots
            do for [style_o = 1:style_slots] {
                if (strstrt(style_taken, sprintf(" %d ", style_slot)) > 0) {
                    style_slot = (style_slot + 1) % style_slots
                }
            }
            style_taken = style_taken.sprintf(" %d ", style_slot)
        }
        style_spare[style_s] = style_slot
    }
    style_n = style_position(style_backend[style_s])
    style_v = style_variant[style_s]
    style_colour = style_n > 0 ? word(style_colours, style_n) \
                               : word(style_spare_colours, style_spare[style_s] + 1)
    style_marker = style_n > 0 ? word(style_markers, style_n) \
                               : word(style_spare_markers, style_spare[style_s] + 1)
    style_dash = style_n > 0 ? style_n - 1 : style_spare[style_s] + 1
    if (style_v > 0) {
        style_markers_of = words(style_variant_markers)
        style_first = 0
        do for [style_o = 1:style_markers_of] {
            if (int(word(style_variant_markers, style_o)) == int(style_marker) - 1) { style_first = style_o - 1 }
        }
        style_marker = word(style_variant_markers, (style_first + style_v - 1) % style_markers_of + 1)
        style_dash = (style_dash + 2 * style_v) % 8
    }
    # gnuplot takes an expression in brackets for a pattern.
    style_dt = style_dash == 0 ? 1 : 11 + style_dash
    set style line style_s lc rgb "#".style_colour dt style_dt pt int(style_marker) ps 0.7 * point_scale lw 1.5
    # The same in solid lines: for bars, whose dashes would look like gaps.
    set style line 1000 + style_s lc rgb "#".style_colour dt 1 pt int(style_marker) ps 0.7 * point_scale lw 1.2
}

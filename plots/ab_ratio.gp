# ab_ratio.gp: every metric of every cell as a multiple of what it was in another run, with its interval and
# verdict; one block of rows per metric.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/ab_ratio.gp
#
# Reads series.csv, chart.csv, ab_ratio.panels.csv and ab_ratio.csv of `data`. The rows count on
# through all panels; a page shows those of its panels.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

if (!exists("width")) { width = 2 }
chart = "ab_ratio"
interval = ""
stats data.'/ab_ratio.panels.csv' using (interval = text("interval"), 1) nooutput
title = "This run relative to its base"
subtitle = interval
x_title = "multiple of the base (log scale)"
rows_label_most = width == 1 ? 20 : 44
rows_font = width == 1 ? 9 : 10.5
rows_right = width == 1 ? 100 : 220
rows_text = width == 1 ? "brief" : "text"
rows_tolerance = 1
load here.'rows.gp'

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

if (!exists("width")) { width = 2 }
chart = "time_ratio"
reference = ""
interval = ""
stats data.'/chart.csv' using (strcol("key") eq "reference" ? (reference = text("value"), 1) : 1) nooutput
stats data.'/time_ratio.panels.csv' using (interval = text("interval"), 1) nooutput
title = "Wall time relative to ".reference." (left is faster)"
subtitle = "Points are Hodges-Lehmann estimates of the ratio over n invocations; ".interval
x_title = "wall time, multiple of that of ".reference." (log scale)"
rows_right = width == 1 ? 124 : 160
load here.'rows.gp'

# time_space.gp: wall time against measured peak memory over a heap sweep; one panel per workload, one
# curve per collector, a point for each backend without a limit.
#
#   gnuplot -e "data='DIR/plots/data'; out='x.svg'" plots/time_space.gp
#
# Reads series.csv, chart.csv, time_space.panels.csv and time_space.PANEL.csv of `data`.
here = ""
do for [here_i = 1:strlen(ARG0)] { if (ARG0[here_i:here_i] eq "/") { here = ARG0[1:here_i] } }
load here.'style.gp'

chart = "time_space"
title = "What time memory buys: wall time against measured peak memory (down and left is better)"
subtitle = "Curves go through growing heap limits; a backend without a limit is a single point. Medians over n invocations, bars the ranges."
x_title = "peak resident memory (MiB, log scale)"
load here.'sweep.gp'

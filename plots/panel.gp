# panel.gp: starts panel p: margins, title, note, and the titles x_title and y_title of its axes. The
# script then sets the axes and plots.
unset label
unset arrow
unset logscale
unset x2tics
unset y2tics
panel_x = cell_x(p)
panel_y = cell_y(p)
panel_under = panel_y + panel_top + panel_height
set lmargin at screen px(panel_x + panel_left)
set rmargin at screen px(panel_x + cell_width - panel_right)
set tmargin at screen py(panel_y + panel_top)
set bmargin at screen py(panel_under)
set label 1 panel_title[p] at screen px(panel_x + 12), py(panel_y + 10) left font font(12) noenhanced
set label 2 panel_note[p] at screen px(panel_x + 12), py(panel_under + panel_bottom + 6) left font font(9) tc rgb "#505050" noenhanced
set label 3 x_title at screen px(panel_x + (panel_left + cell_width - panel_right) / 2), py(panel_under + 33) center font font(10) noenhanced
set label 4 y_title at screen px(panel_x + 12), py(panel_y + panel_top + panel_height / 2) center rotate font font(10) noenhanced

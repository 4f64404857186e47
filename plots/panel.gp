# panel.gp: starts panel p: margins, title, n, note, and the titles x_title and y_title of its axes. The
# script then sets the axes and plots.
unset label
unset arrow
unset logscale
unset x2tics
unset y2tics
panel_x = cell_x(p)
panel_y = cell_y(p)
panel_width = cell_width - panel_left - panel_right
panel_under = panel_y + panel_top + panel_height
set lmargin at screen px(panel_x + panel_left)
set rmargin at screen px(panel_x + cell_width - panel_right)
set tmargin at screen py(panel_y + panel_top)
set bmargin at screen py(panel_under)
# A title too long for its room is set smaller, then cut off.
title_room = cell_width - 24 - 10 * font_width * (strlen(panel_n[p]) + 1)
title_size = title_room / (font_width * (strlen(panel_title[p]) + 1))
title_size = title_size > 12 ? 12 : title_size < 9 ? 9 : title_size
title_most = int(title_room / (font_width * title_size))
title_text = strlen(panel_title[p]) <= title_most ? panel_title[p] : panel_title[p][1:title_most - 1]."…"
set label 1 title_text at screen px(panel_x + 12), py(panel_y + 10) left font font(title_size) noenhanced
set label 5 panel_n[p] at screen px(panel_x + cell_width - 12), py(panel_y + 10) right font font(10) tc rgb "#505050" noenhanced
set label 2 panel_note[p] at screen px(panel_x + 12), py(panel_under + panel_bottom + 6) left font font(9) tc rgb "#505050" noenhanced
set label 3 x_title at screen px(panel_x + (panel_left + cell_width - panel_right) / 2), py(panel_under + 33) center font font(10) noenhanced
set label 4 y_title at screen px(panel_x + 12), py(panel_y + panel_top + panel_height / 2) center rotate font font(10) noenhanced

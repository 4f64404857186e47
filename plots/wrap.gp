# wrap.gp: breaks wrap_text at blanks into lines of at most wrap_chars characters. Leaves
# wrap_result, its lines joined by newlines, and wrap_lines, their number.
wrap_result = ""
wrap_line = ""
wrap_lines = 0
do for [wrap_i = 1:words(wrap_text)] {
    wrap_word = word(wrap_text, wrap_i)
    if (strlen(wrap_line) > 0 && strlen(wrap_line) + 1 + strlen(wrap_word) > wrap_chars) {
        wrap_result = wrap_result.wrap_line."\n"
        wrap_lines = wrap_lines + 1
        wrap_line = wrap_word
    } else {
        wrap_line = wrap_line.(strlen(wrap_line) > 0 ? " " : "").wrap_word
    }
}
if (strlen(wrap_line) > 0) {
    wrap_result = wrap_result.wrap_line
    wrap_lines = wrap_lines + 1
}

# Joins targets.csv with what was measured: prints the table, and writes it to the file `table`.
# Files, in this order: targets.csv, then invocations.csv and collections.csv in any number.
#
# A ratio is the Hodges-Lehmann estimate with its interval, as METHODS section 8 has it: of all
# pairs of logarithms' differences the median, and those at rank k and n*m+1-k, k from the
# distribution of Mann and Whitney's U. Each time ratio has the ratio of peak RSS beside it.
# `boehm` in targets.csv is the faster of its default and interior=0 among those that complete at
# least half of their invocations; of several heaps the first at which one does counts. `go` runs at
# the same limits, by the same rule; other backends at none.

function csv(line,   n, field, quoted, i, c) {
    n = 0; field = ""; quoted = 0
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1)
        if (c == "\"") {
            if (quoted && substr(line, i + 1, 1) == "\"") { field = field c; i++ }
            else quoted = !quoted
        } else if (c == "," && !quoted) { f[++n] = field; field = "" }
        else field = field c
    }
    f[++n] = field
    return n
}

function sort(a, n,   i, k, v) {
    for (i = 2; i <= n; i++) {
        v = a[i]
        for (k = i - 1; k > 0 && a[k] > v; k--) a[k + 1] = a[k]
        a[k + 1] = v
    }
}

function middle(a, n) {
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}

# Values of a metric in the invocations of a cell that completed, into v[1 .. returned].
function values(cell, metric, v,   i, n) {
    n = 0
    for (i = 1; i <= tried[cell]; i++)
        if ((cell, i, metric) in value && value[cell, i, metric] != "")
            v[++n] = value[cell, i, metric]
    return n
}

function median(cell, metric,   v, n) {
    n = values(cell, metric, v)
    if (n == 0) return ""
    sort(v, n)
    return middle(v, n)
}

# Ways in which U = u comes about with n and m values, of all choose(n + m, n).
function ways(n, m, u) {
    if (u < 0 || u > n * m) return 0
    if (n == 0 || m == 0) return u == 0
    if (!((n, m, u) in known)) known[n, m, u] = ways(n - 1, m, u - m) + ways(n, m - 1, u)
    return known[n, m, u]
}

function rank(n, m,   all, i, u, sum) {
    all = 1
    for (i = 1; i <= n; i++) all = all * (m + i) / i
    for (u = 0; u < n * m; u++) {
        sum += ways(n, m, u) / all
        if (sum >= 0.025) break
    }
    return u > 1 ? u : 1
}

# Ratio of new to base in `ratio`, `low`, `high`; 0 where one of them has no values.
function compare(base, base_metric, new, new_metric,   x, y, d, n, m, i, k, count) {
    n = values(base, base_metric, x)
    m = values(new, new_metric, y)
    if (n == 0 || m == 0) return 0
    for (i = 1; i <= n; i++)
        for (k = 1; k <= m; k++) {
            if (x[i] <= 0 || y[k] <= 0) return 0
            d[++count] = log(y[k]) - log(x[i])
        }
    sort(d, count)
    ratio = exp(middle(d, count))
    k = rank(n, m)
    low = exp(d[k])
    high = exp(d[count + 1 - k])
    return 1
}

function completes(cell) {
    return tried[cell] > 0 && values(cell, "wall_ns") * 2 >= tried[cell]
}

# The faster variant of boehm at this cell, or "".
function fastest(head, heap, threads,   i, cell, best) {
    best = ""
    for (i = 1; i <= variants; i++) {
        cell = head "/" variant[i] "/heap=" heap "/threads=" threads
        if (completes(cell) && (best == "" || median(cell, "wall_ns") < median(best, "wall_ns")))
            best = cell
    }
    return best
}

function reached(v, must, aim) {
    if (aim != "" && v <= aim + 0) return "aim"
    if (must != "" && v <= must + 0) return "must"
    return must == "" ? "-" : "MISSED"
}

FNR == 1 {
    kind = ""
    delete column
    columns = csv($0)
    for (i = 1; i <= columns; i++) column[f[i]] = i
    if ("what" in column) kind = "targets"
    else if ("wall_ns" in column) kind = "invocations"
    else if ("mark_ns" in column) kind = "collections"
    next
}

kind == "targets" {
    csv($0)
    rows++
    for (name in column) target[rows, name] = f[column[name]]
}

kind == "invocations" {
    csv($0)
    cell = f[column["cell"]]
    i = ++tried[cell]
    at[cell, f[column["invocation"]]] = i
    backend = cell
    sub(/^[^\/]*\//, "", backend)
    sub(/\/.*/, "", backend)
    if (backend ~ /^boehm/ && !(backend in listed)) { listed[backend] = 1; variant[++variants] = backend }
    if (backend ~ /^marksweep/) ours = backend
    if (f[column["status"]] == "ok")
        for (name in column)
            if (name ~ /_ns$|_bytes$|_count$/) value[cell, i, name] = f[column[name]]
}

# The last collection of an invocation counts: the one that has the whole tree to mark.
kind == "collections" {
    csv($0)
    if (f[column["marked_count"]] > 0)
        value[f[column["cell"]], at[f[column["cell"]], f[column["invocation"]]], "mark_ns_per_object"] = \
            f[column["mark_ns"]] / f[column["marked_count"]]
}

END {
    print "what,cell,heap,threads,metric,against,completed,against_completed,value,low,high,rss_ratio,rss_low,rss_high,must,aim,reached,rss_reached" >table
    printf "%-37s %-9s %-27s %5s %5s  %-19s %-7s %-19s\n", "what", "heap", "against", "must", "aim", "reached", "", "peak RSS"
    for (r = 1; r <= rows; r++) {
        head = target[r, "cell"]; threads = target[r, "threads"]; against = target[r, "against"]
        heaps = split(target[r, "heap"], heap_list, " ")
        base = ""
        for (h = 1; h <= heaps && base == ""; h++) {
            heap = heap_list[h]
            if (against == "boehm") base = fastest(head, heap, threads)
            else if (against == "go") {
                base = head "/go/heap=" heap "/threads=" threads
                if (!completes(base)) base = ""
            } else if (against != "") {
                split(against, part, "@")
                base = (part[2] == "" ? head : part[2]) "/" part[1] "/heap=none/threads=" threads
            }
            if (against == "") break
        }
        new = head "/" ours "/heap=" heap "/threads=" threads
        metric = target[r, "metric"]
        shown = base
        sub(/^[^\/]*\//, "", shown)
        sub(/\/.*/, "", shown)
        if (against == "") {
            n = values(new, metric, v)
            sort(v, n)
            if (n > 0) { ratio = middle(v, n); low = v[1]; high = v[n] }
            found = n > 0
        } else found = compare(base, metric, new, metric)
        done = values(new, "wall_ns") "/" tried[new] + 0
        base_done = base == "" ? "" : values(base, "wall_ns") "/" tried[base] + 0
        text = found ? sprintf("%.3g [%.3g, %.3g]", ratio, low, high) : "not measured"
        grade = found ? reached(ratio, target[r, "must"], target[r, "aim"]) : "-"
        line = sprintf("\"%s\",\"%s\",%s,%s,%s,\"%s\",%s,%s,%s", target[r, "what"], head, heap, threads, metric, shown, done, base_done, found ? sprintf("%.6g,%.6g,%.6g", ratio, low, high) : ",,")
        # Memory is held against boehm everywhere; beside a ratio to mimalloc, the ratio to it is shown.
        memory = ""
        rss = ",,"
        rss_grade = ""
        if (base != "" && compare(base, "rss_peak_bytes", new, "rss_peak_bytes")) {
            memory = sprintf("%.2f [%.2f, %.2f]", ratio, low, high)
            rss = sprintf("%.6g,%.6g,%.6g", ratio, low, high)
            if (against == "boehm") rss_grade = reached(ratio, 1.0, 0.8)
            else {
                other = fastest(head, heap, threads)
                if (other != "" && compare(other, "rss_peak_bytes", new, "rss_peak_bytes")) {
                    rss_grade = reached(ratio, 1.0, 0.8)
                    memory = memory sprintf("; boehm %.2f", ratio)
                }
            }
        }
        print line "," rss "," target[r, "must"] "," target[r, "aim"] "," grade "," rss_grade >table
        if (split(done, count, "/") == 2 && count[1] < count[2]) shown = shown " (" done ")"
        printf "%-37s %-9s %-27s %5s %5s  %-19s %-7s %-19s %s\n", target[r, "what"], heap, shown, target[r, "must"], target[r, "aim"], text, grade, memory, rss_grade
    }
}

# Sums up what gate_trials wrote: one row per experiment, in the order of the first trial of each,
# with the share of trials that reported a regression and its interval by Clopper and Pearson
# (Biometrika 1934) at 95 %, exact: the bounds at which as many or more, as many or fewer, would have
# come with a probability of 2.5 %.
BEGIN { FS = "," }

function log_choose(n, k,   i, sum) {
    for (i = 1; i <= k; i++)
        sum += log(n - k + i) - log(i)
    return sum
}

# The probability of at most k of n.
function at_most(k, n, p,   i, sum) {
    for (i = 0; i <= k; i++)
        sum += exp(log_choose(n, i) + i * log(p) + (n - i) * log(1 - p))
    return sum
}

# The share at which at most k of n have the probability `target`: the larger the share, the less
# probable they are.
function share_at(k, n, target,   low, high, middle, step) {
    high = 1
    for (step = 0; step < 50; step++) {
        middle = (low + high) / 2
        if (at_most(k, n, middle) > target) low = middle
        else high = middle
    }
    return low
}

function median(e, n,   i, j, value) {
    for (i = 2; i <= n; i++) {
        value = seconds[e, i]
        for (j = i - 1; j >= 1 && seconds[e, j] > value; j--)
            seconds[e, j + 1] = seconds[e, j]
        seconds[e, j + 1] = value
    }
    return n % 2 ? seconds[e, (n + 1) / 2] : (seconds[e, n / 2] + seconds[e, n / 2 + 1]) / 2
}

FNR > 1 {
    if (!(($1) in trials)) order[++experiments] = $1
    seconds[$1, ++trials[$1]] = $10 + 0
    regressed[$1] += $3 == 1
    undecided[$1] += $3 == 5
    improved[$1] += $7 > 0
    invocations[$1] += $4
}

END {
    print "experiment,trials,regressed,share,share_low,share_high,improved,undecided_or_moved,invocations_mean,seconds_median"
    for (i = 1; i <= experiments; i++) {
        e = order[i]
        n = trials[e]
        k = regressed[e] + 0
        printf "%s,%d,%d,%.4f,%.4f,%.4f,%d,%d,%.1f,%.1f\n", e, n, k, k / n,
            k == 0 ? 0 : share_at(k - 1, n, 0.975), k == n ? 1 : share_at(k, n, 0.025),
            improved[e], undecided[e], invocations[e] / n, median(e, n)
    }
}

#include "data/student_t.h"

#include <math.h>

/* The fraction takes about the square root of the larger parameter of terms. */
#define TERMS_MAX 10000
#define SMALLEST  1e-300

static double away_from_zero(double value)
{
    return fabs(value) < SMALLEST ? SMALLEST : value;
}

/* The continued fraction of the incomplete beta function by Lentz's algorithm: the ratios c and d
 * of successive numerators and denominators never overflow. It converges quickly for x < (a + 1) /
 * (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double c = 1;
    double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    for (int m = 1; m <= TERMS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / away_from_zero(1 + even * d);
        c = away_from_zero(1 + even / c);
        value *= c * d;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / away_from_zero(1 + odd * d);
        c = away_from_zero(1 + odd / c);
        value *= c * d;
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return value;
}

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* I_x(a, b), with 1 - x given besides, since near 1 it is the exact one. */
static double incomplete_beta(double a, double b, double x, double rest)
{
    if (x <= 0)
        return 0;
    if (rest <= 0)
        return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log(rest));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, rest) / b;
}

double student_t_two_sided(double t, double degrees)
{
    double square = t * t;
    if (isinf(square))
        return 0;
    double sum = degrees + square;
    return incomplete_beta(degrees / 2, 0.5, degrees / sum, square / sum);
}

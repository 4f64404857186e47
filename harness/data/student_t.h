/* student_t.h: Student's t-distribution. Thread-safe. */
#ifndef DATA_STUDENT_T_H
#define DATA_STUDENT_T_H

/* P(|T| >= |t|) for `degrees` > 0 degrees of freedom, to about 14 digits; 0 for an infinite t. It
 * is the regularised incomplete beta function at degrees / (degrees + t^2) with parameters degrees
 * / 2 and 1/2 (Abramowitz & Stegun 26.7.1), by its continued fraction (26.5.8). */
double student_t_two_sided(double t, double degrees);

#endif

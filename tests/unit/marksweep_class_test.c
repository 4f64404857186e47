/* The table of size classes. */
#include "marksweep/marksweep_class_internal.h"
#include "marksweep_fixture.h"

static void class_fits_and_wastes_little(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= MARKSWEEP_SMALL_MAX; bytes++) {
        unsigned size_class = marksweep_class_of(bytes);
        assert_true(size_class < MARKSWEEP_CLASSES);
        size_t slot = marksweep_slot_bytes(size_class);
        assert_true(slot >= bytes);
        assert_int_equal(slot % 16, 0);
        if (size_class > 0)
            assert_true(marksweep_slot_bytes(size_class - 1) < bytes);
        if (bytes > 128)
            assert_true((slot - bytes) * 9 <= slot);
        else
            assert_true(slot - bytes < 16);
    }
    assert_int_equal(marksweep_class_of(MARKSWEEP_SMALL_MAX), MARKSWEEP_CLASSES - 1);
    assert_int_equal(marksweep_slot_bytes(MARKSWEEP_CLASSES - 1), MARKSWEEP_SMALL_MAX);
}

static void spans_waste_at_most_an_eighth(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MARKSWEEP_CLASSES; i++) {
        const struct ms_class *c = &ms_classes[i];
        size_t span = c->blocks * MS_BLOCK_BYTES;
        assert_int_equal(c->slot_bytes, marksweep_slot_bytes(i));
        assert_true(c->slots >= 1);
        assert_true((size_t)c->slots * c->slot_bytes <= span);
        assert_true((span - (size_t)c->slots * c->slot_bytes) * 8 <= span);
        assert_true(c->blocks <= 8);
    }
}

static void reciprocal_is_division(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MARKSWEEP_CLASSES; i++) {
        const struct ms_class *c = &ms_classes[i];
        for (size_t granule = 0; granule < c->blocks * MS_BLOCK_GRANULES; granule++)
            assert_int_equal(ms_class_slot_index(c, granule), granule / c->slot_granules);
    }
}

static void starts_are_those_of_slots(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MARKSWEEP_CLASSES; i++) {
        const struct ms_class *c = &ms_classes[i];
        assert_int_equal(c->one_block, c->blocks == 1);
        for (size_t granule = 0; c->one_block && granule < MS_BLOCK_GRANULES; granule++) {
            int starts = granule % c->slot_granules == 0 && granule / c->slot_granules < c->slots;
            assert_int_equal((c->starts[granule / 64] >> (granule % 64)) & 1, starts);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    ms_class_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_fits_and_wastes_little),
        cmocka_unit_test(spans_waste_at_most_an_eighth),
        cmocka_unit_test(reciprocal_is_division),
        cmocka_unit_test(starts_are_those_of_slots),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

use super::*;

/// What sticks out of a block takes far longer to hash than the block.
#[test]
fn bytes_are_asked_for_up_to_the_end_of_a_block_and_no_further_ahead_than_a_buffer() {
    let mut supply = Supply::new();
    let mut asked = 0;
    // Somebody gave a little of his own accord, so that nothing ends with a block by itself.
    assert!(supply.provide(vec![7; 1_001].into(), false));
    while supply.sent() < 8 * as_u64(BUFFER_CEILING) {
        if let Some(count) = supply.wants() {
            let end = supply.sent() + as_u64(supply.waiting() + count);
            assert_eq!(end % HASH_BLOCK, 0, "{} sent, {count} asked for", supply.sent());
            assert!(count > 0 && supply.waiting() + count <= BUFFER_CEILING);
            assert!(supply.provide(vec![7; count].into(), false));
            asked += 1;
        }
        assert!(!supply.take(65_530).is_empty(), "it never runs dry");
    }
    assert!(asked > 8);
}

//! What is usual.

/// The middle of these, which one odd run doesn't move; `None`: there are none.
pub(super) fn median(values: impl IntoIterator<Item = u64>) -> Option<u64> {
    let mut values: Vec<u64> = values.into_iter().collect();
    values.sort_unstable();
    let (upper, lower) = (values.len() / 2, values.len().saturating_sub(1) / 2);
    Some(values.get(lower)?.midpoint(*values.get(upper)?))
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_middle_is_between_two_where_there_is_none() {
        assert_eq!(median([]), None);
        assert_eq!(median([7]), Some(7));
        assert_eq!(median([9, 1, 2]), Some(2));
        assert_eq!(median([4, 100, 1, 2]), Some(3));
        assert_eq!(median([u64::MAX, u64::MAX]), Some(u64::MAX));
    }
}

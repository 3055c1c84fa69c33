//! Stops a sync that would empty a box by mistake.

use super::SyncError;
use super::delta::Plan;

/// Fewer files than this are sent again in no time.
const MANY: usize = 200;

/// Refuses a plan that deletes more than half of at least 200 files while
/// `HEAD` hasn't moved (a checkout of another branch may well delete that much).
pub fn check_deletions(
    plan: &Plan<'_>,
    held: usize,
    head_before: Option<&str>,
    head_now: Option<&str>,
) -> Result<(), SyncError> {
    let deleted = plan.deletes.len();
    // Where it stood before isn't always known; that is no reason to delete.
    let moved = head_before.is_some() && head_before != head_now;
    if held >= MANY && deleted * 2 > held && !moved {
        return Err(SyncError::MassDeletion { deleted, held });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(deleted: usize, held: usize, before: Option<&str>, now: Option<&str>) -> bool {
        let plan = Plan { puts: Vec::new(), deletes: vec![b"x"; deleted], bytes: 0 };
        check_deletions(&plan, held, before, now).is_err()
    }

    #[test]
    fn only_a_large_deletion_on_the_same_commit_is_refused() {
        assert!(refused(101, 200, Some("a"), Some("a")));
        assert!(!refused(100, 200, Some("a"), Some("a")));
        assert!(!refused(199, 199, Some("a"), Some("a")));
        assert!(!refused(200, 200, Some("a"), Some("b")));
        assert!(refused(200, 200, None, Some("b")));
    }
}

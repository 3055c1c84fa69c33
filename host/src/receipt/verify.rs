//! Is a receipt about this checkout?

use super::content::Receipt;

/// A checkout, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// The hash of its tree.
    pub tree: String,
    /// The commit that it stands on.
    pub commit: Option<String>,
    /// As in [`Receipt::uncommitted`].
    pub uncommitted: Option<String>,
}

/// How the two agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The tree that was run is the one that is here: all else follows from that.
    pub same_tree: bool,
    /// What isn't the same, for people, a line each.
    pub differences: Vec<String>,
}

/// Compares them. Where the trees are the same, another commit is worth a word and no more: the same files were run.
#[must_use]
pub fn check(receipt: &Receipt, checkout: &Checkout) -> Checked {
    let mut differences = Vec::new();
    let same_tree = receipt.tree.as_ref() == Some(&checkout.tree);
    match &receipt.tree {
        None => {
            differences.push("it names no tree: the run ended before that was known".to_owned());
        }
        Some(tree) if !same_tree => {
            differences.push(format!(
                "it is about the tree {}, here is {}",
                short(tree),
                short(&checkout.tree)
            ));
        }
        Some(_) => {}
    }
    if receipt.commit != checkout.commit {
        let name = |commit: &Option<String>| {
            commit.as_deref().map_or_else(|| "none".to_owned(), |commit| short(commit).to_owned())
        };
        let (then, now) = (name(&receipt.commit), name(&checkout.commit));
        differences.push(format!("it stood on the commit {then}, here is {now}"));
    }
    if receipt.uncommitted.is_some() && receipt.uncommitted != checkout.uncommitted {
        differences.push("what isn't committed differs".to_owned());
    }
    Checked { same_tree, differences }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

//! How a call of the model's provider goes.

/// How the next call goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mood {
    /// As it should.
    #[default]
    Well,
    /// It fails before anything happens, and says so.
    Refuses,
    /// It fails before anything happens, and doesn't know.
    Breaks,
    /// Everything happens, and the answer is lost.
    LosesAnswer,
    /// `lease` breaks off when the resource is named, and it appears later.
    IsLate,
    /// `lease` breaks off when the resource is made and its id isn't recorded.
    BreaksAfterMaking,
    /// It sees nothing with this login.
    SeesNothing,
    /// It says that the resource is another's.
    CallsItForeign,
    /// It finds several.
    IsUnsure,
    /// It finds another resource under the name.
    FindsAnother,
    /// It names no way to the box.
    KnowsNoWay,
    /// `lease` names what another lease has.
    NamesAnothers,
    /// It is logged in elsewhere, where the same id is another's.
    IsElsewhere,
}

/// All that isn't well.
pub(super) const MOODS: [Mood; 12] = [
    Mood::Refuses,
    Mood::Breaks,
    Mood::LosesAnswer,
    Mood::IsLate,
    Mood::BreaksAfterMaking,
    Mood::SeesNothing,
    Mood::CallsItForeign,
    Mood::IsUnsure,
    Mood::FindsAnother,
    Mood::KnowsNoWay,
    Mood::IsElsewhere,
    Mood::NamesAnothers,
];

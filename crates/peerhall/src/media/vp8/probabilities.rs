//! Probabilities of coefficients, and the table by which changes to them are written (RFC 6386, 13.4).

use super::coder::{Branches, Coder};

/// Which kind of block a coefficient belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plane {
    /// Sixteen blocks of luma, without their averages.
    Luma = 0,
    /// The averages of these.
    Averages = 1,
    /// Eight blocks of chroma.
    Chroma = 2,
}

/// Probability of every branch that is taken by coefficients.
const EVEN: u8 = 128;

/// Probability, of 256, that a block ends where ours always do.
const ENDS: u8 = 254;

impl Plane {
    /// Branches of the first coefficient, by how many neighbours have one.
    pub(super) fn first(self, neighbours: usize) -> Branches {
        context(self, 0, neighbours).unwrap_or([EVEN; 11])
    }

    /// What the second coefficient of a block begins with, when the first had this magnitude.
    pub(super) fn second(self, magnitude: u32) -> u8 {
        let [end, ..] = context(self, 1, if magnitude > 1 { 2 } else { 1 }).unwrap_or([EVEN; 11]);
        end
    }

    /// What an empty block begins with. In blocks of luma the first place belongs to the averages.
    pub(super) fn end(self) -> u8 {
        let [end, ..] = context(self, usize::from(self == Self::Luma), 0).unwrap_or([EVEN; 11]);
        end
    }
}

/// The branches of the contexts that we write in, by plane, band and what stands around; of the others
/// nothing is known here, and nothing written.
fn context(plane: Plane, band: usize, around: usize) -> Option<Branches> {
    let ending = |first| {
        let mut branches = [EVEN; 11];
        if let Some(place) = branches.first_mut() {
            *place = first;
        }
        branches
    };
    match (plane, band, around) {
        // A block of averages that is written has a coefficient, and one only.
        (Plane::Averages, 0, 0..=2) => Some(ending(1)),
        (Plane::Averages, 1, 1 | 2) | (Plane::Luma, 1, 0) | (Plane::Chroma, 0, 0) => Some(ending(ENDS)),
        (Plane::Averages | Plane::Luma | Plane::Chroma, _, _) => None,
    }
}

/// Bands of each plane, and contexts of each band.
const BANDS: usize = 8;
const AROUND: usize = 3;

/// Replaces the probabilities of [`context`] and leaves the others at what every decoder begins with.
pub(super) fn write_updates(coder: &mut Coder) {
    let planes = [Some(Plane::Luma), Some(Plane::Averages), Some(Plane::Chroma), None];
    let mut number = 0;
    for plane in planes {
        for band in 0..BANDS {
            for around in 0..AROUND {
                let branches = plane.and_then(|plane| context(plane, band, around));
                let unlikely =
                    UNLIKELY.iter().find(|(row, _)| *row == number).map_or(&[][..], |(_, row)| *row);
                for branch in 0..11 {
                    let new = branches.as_ref().and_then(|branches| branches.get(branch));
                    coder.bool(new.is_some(), unlikely.get(branch).copied().unwrap_or(255));
                    if let Some(new) = new {
                        coder.literal(u32::from(*new), 8);
                    }
                }
                number += 1;
            }
        }
    }
}

/// How unlikely, of 256, a change of each branch is, for the contexts in their order; 255 for branches and
/// contexts that are not named.
#[rustfmt::skip]
const UNLIKELY: &[(usize, &[u8])] = &[
    (3, &[176, 246]),
    (4, &[223, 241, 252]),
    (5, &[249, 253, 253]),
    (6, &[255, 244, 252]),
    (7, &[234, 254, 254]),
    (8, &[253]),
    (9, &[255, 246, 254]),
    (10, &[239, 253, 254]),
    (11, &[254, 255, 254]),
    (12, &[255, 248, 254]),
    (13, &[251, 255, 254]),
    (15, &[255, 253, 254]),
    (16, &[251, 254, 254]),
    (17, &[254, 255, 254]),
    (18, &[255, 254, 253, 255, 254]),
    (19, &[250, 255, 254, 255, 254]),
    (20, &[254]),
    (24, &[217]),
    (25, &[225, 252, 241, 253, 255, 255, 254]),
    (26, &[234, 250, 241, 250, 253, 255, 253, 254]),
    (27, &[255, 254]),
    (28, &[223, 254, 254]),
    (29, &[238, 253, 254, 254]),
    (30, &[255, 248, 254]),
    (31, &[249, 254]),
    (33, &[255, 253]),
    (34, &[247, 254]),
    (36, &[255, 253, 254]),
    (37, &[252]),
    (39, &[255, 254, 254]),
    (40, &[253]),
    (42, &[255, 254, 253]),
    (43, &[250]),
    (44, &[254]),
    (48, &[186, 251, 250]),
    (49, &[234, 251, 244, 254]),
    (50, &[251, 251, 243, 253, 254, 255, 254]),
    (51, &[255, 253, 254]),
    (52, &[236, 253, 254]),
    (53, &[251, 253, 253, 254, 254]),
    (54, &[255, 254, 254]),
    (55, &[254, 254, 254]),
    (57, &[255, 254]),
    (58, &[254, 254]),
    (59, &[254]),
    (61, &[254]),
    (72, &[248]),
    (73, &[250, 254, 252, 254]),
    (74, &[248, 254, 249, 253]),
    (75, &[255, 253, 253]),
    (76, &[246, 253, 253]),
    (77, &[252, 254, 251, 254, 254]),
    (78, &[255, 254, 252]),
    (79, &[248, 254, 253]),
    (80, &[253, 255, 254, 254]),
    (81, &[255, 251, 254]),
    (82, &[245, 251, 254]),
    (83, &[253, 253, 254]),
    (84, &[255, 251, 253]),
    (85, &[252, 253, 254]),
    (86, &[255, 254]),
    (87, &[255, 252]),
    (88, &[249, 255, 254]),
    (89, &[255, 255, 254]),
    (90, &[255, 255, 253]),
    (91, &[250]),
    (94, &[254]),
];

//! What goes on with everybody in a room, whoever comes: opened labels.

use std::time::Duration;

use crate::error::SendError;
use crate::options::{ChannelOptions, Config};
use crate::session::{Role, Session};

/// The labels that are opened with everybody who is here and who comes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandingLabels {
    labels: Vec<(String, ChannelOptions)>,
}

impl StandingLabels {
    /// Opens a label with everybody who comes.
    ///
    /// # Errors
    ///
    /// [`SendError::BadLabel`]; [`SendError::TooManyLabels`] when a session could not have all of them.
    pub fn open(&mut self, label: &str, options: ChannelOptions) -> Result<(), SendError> {
        // A session without connections says what is wrong with the label, alone or beside the others.
        let mut trial = Session::new(Role::Asker, 0, Config::default());
        for (known, options) in &self.labels {
            trial.open(Duration::ZERO, known, options.clone())?;
        }
        trial.open(Duration::ZERO, label, options.clone())?;
        self.close(label);
        self.labels.push((label.to_owned(), options));
        Ok(())
    }

    /// Does not open a label with anybody any more.
    pub fn close(&mut self, label: &str) {
        self.labels.retain(|(known, _)| known != label);
    }

    /// The labels and how they behave, in the order in which they were opened.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ChannelOptions)> {
        self.labels.iter().map(|(label, options)| (label.as_str(), options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::MAX_LABELS;

    #[test]
    fn a_label_is_kept_once_with_what_was_wanted_last() {
        let mut labels = StandingLabels::default();
        labels.open("a", ChannelOptions::default()).unwrap();
        labels.open("b", ChannelOptions::default()).unwrap();
        let unordered = ChannelOptions { ordered: false, ..ChannelOptions::default() };
        labels.open("a", unordered.clone()).unwrap();
        assert_eq!(labels.open("__a", unordered.clone()), Err(SendError::BadLabel));
        let known: Vec<_> = labels.iter().map(|(label, options)| (label, options.ordered)).collect();
        assert_eq!(known, [("b", true), ("a", false)]);
        labels.close("b");
        labels.close("never");
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", &unordered)]);
    }

    #[test]
    fn no_more_labels_are_kept_than_a_session_opens_and_those_that_are_known_may_change() {
        let mut labels = StandingLabels::default();
        for index in 0..MAX_LABELS {
            labels.open(&index.to_string(), ChannelOptions::default()).unwrap();
        }
        let one_more = labels.open("one more", ChannelOptions::default());
        assert_eq!(one_more, Err(SendError::TooManyLabels(MAX_LABELS)));
        assert_eq!(labels.open("0", ChannelOptions { ordered: false, ..ChannelOptions::default() }), Ok(()));
        assert_eq!(labels.iter().count(), MAX_LABELS);
    }
}

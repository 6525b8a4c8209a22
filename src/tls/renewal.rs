use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::identity::Identity;
use super::pair::{CertificateFiles, Facts, Pair, PairError};

/// Follows the files of an [`Identity`]: whoever renews certificates writes them while we run.
#[derive(Debug)]
pub struct Renewal {
    identity: Identity,
    files: CertificateFiles,
    /// How the files looked when they were read last.
    seen: [Option<Stamp>; 2],
    /// Why they could not be used then. Looked at again each time: they may have been half written.
    trouble: Option<PairError>,
}

/// What tells a file from the one that was there before: who replaces it in one step gives it another inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    secs: i64,
    nanos: i64,
}

/// What a look at the files came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Looked {
    /// Nothing new.
    Same,
    /// Another certificate is shown from now on.
    Renewed(Facts),
    /// What is there now cannot be used; the old one is still shown.
    Refused(PairError),
    /// What could not be used is gone, and what is shown is what was shown before.
    Recovered,
}

impl Renewal {
    /// Follows the files; `trouble` if they could not be used at the start, and the identity shows another certificate.
    pub fn new(identity: Identity, files: CertificateFiles, trouble: Option<PairError>) -> Self {
        let seen = stamps(&files);
        Self { identity, files, seen, trouble }
    }

    /// Looks whether the files have changed; if so, or if it is told to, reads them.
    pub fn look(&mut self, in_any_case: bool) -> Looked {
        // Before they are read: what is written meanwhile is seen at the next look.
        let stamps = stamps(&self.files);
        if stamps == self.seen && self.trouble.is_none() && !in_any_case {
            return Looked::Same;
        }
        self.seen = stamps;
        match Pair::read(&self.files) {
            Ok(pair) => {
                let was_bad = self.trouble.take().is_some();
                let (before, facts) = (self.identity.facts(), pair.facts.clone());
                // In any case: the chain behind the same certificate may have been mended.
                self.identity.replace(pair);
                match (before == facts, was_bad) {
                    (false, _) => Looked::Renewed(facts),
                    (true, true) => Looked::Recovered,
                    (true, false) => Looked::Same,
                }
            }
            Err(error) if self.trouble.as_ref() == Some(&error) => Looked::Same,
            Err(error) => {
                self.trouble = Some(error.clone());
                Looked::Refused(error)
            }
        }
    }
}

fn stamps(files: &CertificateFiles) -> [Option<Stamp>; 2] {
    [&files.certificate, &files.key].map(|file| stamp(file))
}

fn stamp(file: &Path) -> Option<Stamp> {
    // Through links: certbot keeps the newest behind one.
    let found = std::fs::metadata(file).ok()?;
    Some(Stamp {
        device: found.dev(),
        inode: found.ino(),
        bytes: found.size(),
        secs: found.mtime(),
        nanos: found.mtime_nsec(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn write(files: &CertificateFiles) -> String {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["portal.example.net".to_owned()]).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        fs::write(&files.certificate, &pem).unwrap();
        pem
    }

    #[test]
    fn a_renewal_is_shown_and_a_bad_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            CertificateFiles { certificate: folder.path().join("a.pem"), key: folder.path().join("a.key") };
        write(&files);
        let identity = Identity::new(Pair::read(&files).unwrap());
        let first = identity.facts();
        let mut renewal = Renewal::new(identity.clone(), files.clone(), None);
        assert_eq!((renewal.look(false), renewal.look(true)), (Looked::Same, Looked::Same));

        let pem = write(&files);
        let Looked::Renewed(second) = renewal.look(false) else { panic!("it was renewed") };
        assert_eq!(identity.facts(), second);
        assert_ne!(first, second);

        fs::write(&files.certificate, &pem[..100]).unwrap();
        assert!(matches!(renewal.look(false), Looked::Refused(PairError::Certificate { .. })));
        assert_eq!(renewal.look(false), Looked::Same, "told once");
        assert_eq!(identity.facts(), second, "the old one is kept");
        fs::write(&files.certificate, &pem).unwrap();
        assert_eq!((renewal.look(false), renewal.look(false)), (Looked::Recovered, Looked::Same));

        fs::remove_file(&files.key).unwrap();
        assert!(matches!(renewal.look(false), Looked::Refused(PairError::Key { .. })));
        write(&files);
        assert!(matches!(renewal.look(false), Looked::Renewed(_)));
    }
}

//! Parsers of what people write.

use roundhouse::Options;
use roundhouse_net::quic::tls::Identity;
use roundhouse_net::tls::trust_anchors;

/// A TOML document of options. What is accepted can be written out, and means the same then.
pub(super) fn options(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(options) = Options::from_toml(text) else { return };
    let written = options.to_toml();
    assert_eq!(Options::from_toml(&written), Ok(options), "{written}");
}

/// PEM texts behind two bytes that say how long the first is: a chain, also taken for anchors, and a
/// key. Anchors that trust nobody are refused.
pub(super) fn certificates(data: &[u8]) {
    let Some((length, texts)) = data.split_first_chunk() else { return };
    let (chain, key) = texts.split_at(usize::from(u16::from_le_bytes(*length)).min(texts.len()));
    drop(Identity::from_pem(chain, key));
    if let Ok(anchors) = trust_anchors(chain) {
        assert!(!anchors.is_empty());
    }
}

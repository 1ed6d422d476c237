"""RFC 9180, appendix A.3 family: base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.

From the official vectors of the RFC (cfrg/draft-irtf-cfrg-hpke, test-vectors.json; mode 0,
kem_id 16, kdf_id 1, aead_id 2), as PyPI cryptography-vectors carries them.
"""

INFO = bytes.fromhex("4f6465206f6e2061204772656369616e2055726e")
IKM_R = bytes.fromhex("a0ce15d49e28bd47a18a97e147582d814b08cbe00109fed5ec27d1b4e9f6f5e3")
SK_R = bytes.fromhex("317f915db7bc629c48fe765587897e01e282d3e8445f79f27f65d031a88082b2")
PK_R = bytes.fromhex(
    "04abc7e49a4c6b3566d77d0304addc6ed0e98512ffccf505e6a8e3eb25c685136f"
    "853148544876de76c0f2ef99cdc3a05ccf5ded7860c7c021238f9e2073d2356c"
)
IKM_E = bytes.fromhex("a90d3417c3da9cb6c6ae19b4b5dd6cc9529a4cc24efb7ae0ace1f31887a8cd6c")
SK_E = bytes.fromhex("90345e3a1d116c1dd39ae76d95ab858c142223a63e44f8f85318cfa91a84858e")
ENC = bytes.fromhex(
    "04c06b4f6bebc7bb495cb797ab753f911aff80aefb86fd8b6fcc35525f3ab5f03e"
    "0b21bd31a86c6048af3cb2d98e0d3bf01da5cc4c39ff5370d331a4f1f7d5a4e0"
)
AAD = bytes.fromhex("436f756e742d30")
PLAIN = bytes.fromhex("4265617574792069732074727574682c20747275746820626561757479")
CIPHER = bytes.fromhex(
    "58c61a45059d0c5704560e9d88b564a8b63f1364b8d1fcb3c4c6ddc1d291742465e902cd216f8908da49f8f96f"
)
BASE_NONCE = bytes.fromhex("9bc50980832a7b4b58c40161")
KEY = bytes.fromhex("ee16802a936d5f544771131900ee6973d0551de9e852ece2ef34bf0d5f9e1d1d")

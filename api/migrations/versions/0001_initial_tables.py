"""initial tables.

Revision 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("party_id", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_index(op.f("ix_account_centre_id"), "account", ["centre_id"], unique=False)
    op.create_table(
        "deposit_bank_call",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_deposit_bank_call_counted_from_one")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_deposit_bank_call")),
    )
    op.create_table(
        "deposit_centre_account",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("bank_name", sa.String(), nullable=False),
        sa.Column("statements", sa.Integer(), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("undone", sa.Integer(), nullable=False),
        sa.Column("asked_for", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "closing_fen >= 0", name=op.f("ck_deposit_centre_account_never_overdrawn")
        ),
        sa.CheckConstraint(
            "statements >= 0", name=op.f("ck_deposit_centre_account_statements_counted")
        ),
        sa.PrimaryKeyConstraint("centre_id", name=op.f("pk_deposit_centre_account")),
        sa.UniqueConstraint("number", name=op.f("uq_deposit_centre_account_number")),
    )
    op.create_table(
        "deposit_clause",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("grades", sa.String(), nullable=False),
        sa.Column("permille", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(permille = 0) = (grades = '')", name=op.f("ck_deposit_clause_relief_whole")
        ),
        sa.CheckConstraint(
            "permille BETWEEN 0 AND 1000", name=op.f("ck_deposit_clause_permille_in_range")
        ),
        sa.CheckConstraint("stage BETWEEN 0 AND 2", name=op.f("ck_deposit_clause_stage_known")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_deposit_clause")),
    )
    op.create_table(
        "deposit_clearance",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("holding_id", sa.String(), nullable=False),
        sa.Column("payer", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('OPEN', 'NOTICED', 'PAYING', 'RETURNED', 'HANDED_OVER')",
            name=op.f("ck_deposit_clearance_state_known"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deposit_clearance_amount_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_clearance")),
    )
    op.create_index(
        op.f("ix_deposit_clearance_centre_id"), "deposit_clearance", ["centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_deposit_clearance_holding_id"), "deposit_clearance", ["holding_id"], unique=False
    )
    op.create_table(
        "deposit_extension",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lot_id", "number", name=op.f("pk_deposit_extension")),
    )
    op.create_table(
        "deposit_guarantee",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("notes", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("issuer_uscc", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("file_sha256", sa.String(), nullable=False),
        sa.Column("file_bytes", sa.Integer(), nullable=False),
        sa.Column("file_type", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("release_cause", sa.String(), nullable=False),
        sa.Column("release_due_on", sa.Date(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(release_due_on IS NULL) = (release_cause = '')",
            name=op.f("ck_deposit_guarantee_clock_has_cause"),
        ),
        sa.CheckConstraint(
            "NOT (state IN ('VERIFIED', 'ACTIVE', 'EXTENDED', 'RELEASED', 'DEMANDED', 'PAID_OUT', 'REFUSED', 'EXPIRED', 'CLOSED')) OR (number <> '' AND amount_fen > 0)",
            name=op.f("ck_deposit_guarantee_verified_was_read"),
        ),
        sa.CheckConstraint(
            "state <> 'RELEASED' OR released_at IS NOT NULL",
            name=op.f("ck_deposit_guarantee_released_when"),
        ),
        sa.CheckConstraint(
            "state IN ('LODGED', 'RESTORED', 'VERIFIED', 'INVALID', 'ACTIVE', 'EXTENDED', 'RELEASED', 'DEMANDED', 'PAID_OUT', 'REFUSED', 'EXPIRED', 'CLOSED')",
            name=op.f("ck_deposit_guarantee_state_known"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_guarantee")),
        sa.UniqueConstraint(
            "lot_id", "bidder_uscc", name=op.f("uq_deposit_guarantee_lot_id_bidder_uscc")
        ),
    )
    op.create_index(
        op.f("ix_deposit_guarantee_lot_id"), "deposit_guarantee", ["lot_id"], unique=False
    )
    op.create_index(
        op.f("ix_deposit_guarantee_release_due_on"),
        "deposit_guarantee",
        ["release_due_on"],
        unique=False,
    )
    op.create_index(
        "uq_deposit_guarantee_counting",
        "deposit_guarantee",
        ["issuer_uscc", "number"],
        unique=True,
        sqlite_where=sa.text(
            "state IN ('VERIFIED', 'ACTIVE', 'EXTENDED', 'RELEASED', 'DEMANDED', 'PAID_OUT', 'REFUSED', 'EXPIRED', 'CLOSED')"
        ),
        postgresql_where=sa.text(
            "state IN ('VERIFIED', 'ACTIVE', 'EXTENDED', 'RELEASED', 'DEMANDED', 'PAID_OUT', 'REFUSED', 'EXPIRED', 'CLOSED')"
        ),
    )
    op.create_table(
        "deposit_holding",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("converted_fen", sa.BigInteger(), nullable=False),
        sa.Column("payer_account", sa.String(), nullable=False),
        sa.Column("payer_name", sa.String(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("release_cause", sa.String(), nullable=False),
        sa.Column("release_due_on", sa.Date(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refund_account", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(release_due_on IS NULL) = (release_cause = '')",
            name=op.f("ck_deposit_holding_clock_has_cause"),
        ),
        sa.CheckConstraint(
            "(state = 'REFUNDED') = (refunded_at IS NOT NULL)",
            name=op.f("ck_deposit_holding_refunded_when"),
        ),
        sa.CheckConstraint(
            "state IN ('ANNOUNCED', 'ABSENT') OR (amount_fen > 0 AND payer_account <> '')",
            name=op.f("ck_deposit_holding_came_from_somebody"),
        ),
        sa.CheckConstraint(
            "state IN ('ANNOUNCED', 'ABSENT', 'HELD', 'REJECTED', 'REFUNDING', 'BOUNCED', 'REFUNDED', 'FORFEITED', 'CONVERTED')",
            name=op.f("ck_deposit_holding_state_known"),
        ),
        sa.CheckConstraint(
            "0 <= converted_fen AND converted_fen <= amount_fen",
            name=op.f("ck_deposit_holding_converted"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_holding")),
        sa.UniqueConstraint(
            "lot_id", "bidder_uscc", name=op.f("uq_deposit_holding_lot_id_bidder_uscc")
        ),
    )
    op.create_index(
        op.f("ix_deposit_holding_bidder_uscc"), "deposit_holding", ["bidder_uscc"], unique=False
    )
    op.create_index(
        op.f("ix_deposit_holding_centre_id"), "deposit_holding", ["centre_id"], unique=False
    )
    op.create_index(op.f("ix_deposit_holding_lot_id"), "deposit_holding", ["lot_id"], unique=False)
    op.create_index(
        op.f("ix_deposit_holding_release_due_on"),
        "deposit_holding",
        ["release_due_on"],
        unique=False,
    )
    op.create_table(
        "deposit_issuer",
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("forms", sa.String(), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("licensed_from", sa.Date(), nullable=False),
        sa.Column("licensed_to", sa.Date(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "licensed_from <= licensed_to", name=op.f("ck_deposit_issuer_days_in_order")
        ),
        sa.PrimaryKeyConstraint("uscc", name=op.f("pk_deposit_issuer")),
    )
    op.create_table(
        "deposit_lead",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("payer_account", sa.String(), nullable=False),
        sa.Column("payer_name", sa.String(), nullable=False),
        sa.Column("bidders", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lot_id", "payer_account", name=op.f("pk_deposit_lead")),
    )
    op.create_table(
        "deposit_payout",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("to_account", sa.String(), nullable=False),
        sa.Column("to_name", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("interest_fen", sa.BigInteger(), nullable=False),
        sa.Column("carried_fen", sa.BigInteger(), nullable=False),
        sa.Column("late_fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "state IN ('ORDERED', 'SENT', 'DONE', 'BOUNCED', 'REFUSED')",
            name=op.f("ck_deposit_payout_state_known"),
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND interest_fen >= 0 AND late_fee_fen >= 0 AND carried_fen BETWEEN 0 AND interest_fen",
            name=op.f("ck_deposit_payout_amounts"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_deposit_payout")),
    )
    op.create_index(
        op.f("ix_deposit_payout_centre_id"), "deposit_payout", ["centre_id"], unique=False
    )
    op.create_index(op.f("ix_deposit_payout_subject"), "deposit_payout", ["subject"], unique=False)
    op.create_table(
        "deposit_statement",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("take", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("taken_by", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.String(), nullable=False),
        sa.Column("undone_why", sa.String(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by = '')",
            name=op.f("ck_deposit_statement_undone_by_somebody"),
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_deposit_statement_counted_from_one")),
        sa.PrimaryKeyConstraint("centre_id", "take", name=op.f("pk_deposit_statement")),
    )
    op.create_index(
        "uq_deposit_statement_number",
        "deposit_statement",
        ["centre_id", "number"],
        unique=True,
        sqlite_where=sa.text("undone_at IS NULL"),
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_table(
        "deposit_trust_list",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("roots", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("pinned_by", sa.String(), nullable=False),
        sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_deposit_trust_list_counted_from_one")),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_deposit_trust_list")),
    )
    op.create_table(
        "draw",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("tenderer_uscc", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("evaluation_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("context", sa.LargeBinary(), nullable=False),
        sa.Column("asking", sa.Integer(), nullable=False),
        sa.Column("outputs_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outputs_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("public_value", sa.String(), nullable=False),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("answers_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.Column("transcript_sha256", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state IN ('REQUESTED', 'ASKING', 'INVITING', 'SEATED', 'CLOSED', 'VOIDED', 'ABANDONED', 'UNSEEDED', 'ABORTED', 'EXHAUSTED')",
            name=op.f("ck_draw_state_known"),
        ),
        sa.CheckConstraint("length(request_hash) = 64", name=op.f("ck_draw_request_hash_length")),
        sa.CheckConstraint("number > 0", name=op.f("ck_draw_number_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw")),
        sa.UniqueConstraint("centre_id", "number", name=op.f("uq_draw_centre_id_number")),
    )
    op.create_index(op.f("ix_draw_lot_id"), "draw", ["lot_id"], unique=False)
    op.create_index(op.f("ix_draw_tenderer_uscc"), "draw", ["tenderer_uscc"], unique=False)
    op.create_table(
        "draw_affiliations",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(digest) = 64", name=op.f("ck_draw_affiliations_digest_length")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_draw_affiliations")),
    )
    op.create_table(
        "draw_register",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.CheckConstraint("last_number >= 0", name=op.f("ck_draw_register_number_not_negative")),
        sa.PrimaryKeyConstraint("centre_id", name=op.f("pk_draw_register")),
    )
    op.create_table(
        "evaluation_session",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("regime", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("report_sha256", sa.String(), nullable=False),
        sa.Column("report_bytes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "stage IN ('SCHEDULED', 'CHECK_IN', 'REVIEWING', 'PAUSE_REQUESTED', 'PAUSE_APPROVED', 'SEALING', 'SEALED_OVERNIGHT', 'UNSEALING', 'SCORED', 'REPORTED', 'CLOSED', 'INCIDENT', 'VOID')",
            name=op.f("ck_evaluation_session_stage_known"),
        ),
        sa.CheckConstraint("slots > 0", name=op.f("ck_evaluation_session_slots_positive")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_evaluation_session_version_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_session")),
    )
    op.create_index(
        op.f("ix_evaluation_session_centre_id"), "evaluation_session", ["centre_id"], unique=False
    )
    op.create_index(
        op.f("ix_evaluation_session_lot_id"), "evaluation_session", ["lot_id"], unique=False
    )
    op.create_index(
        "uq_evaluation_session_lot_live",
        "evaluation_session",
        ["lot_id"],
        unique=True,
        sqlite_where=sa.text("stage <> 'VOID'"),
        postgresql_where=sa.text("stage <> 'VOID'"),
    )
    op.create_table(
        "expert",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("gender", sa.String(), nullable=False),
        sa.Column("born", sa.Date(), nullable=False),
        sa.Column("employer_uscc", sa.String(), nullable=False),
        sa.Column("past_employers", sa.String(), nullable=False),
        sa.Column("board_seats", sa.String(), nullable=False),
        sa.Column("declared_units", sa.String(), nullable=False),
        sa.Column("specialties", sa.String(), nullable=False),
        sa.Column("home_division", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("title_level", sa.Integer(), nullable=False),
        sa.Column("field_years", sa.Integer(), nullable=False),
        sa.Column("enrolled_on", sa.Date(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("penalised", sa.Boolean(), nullable=False),
        sa.Column("past_board_seats", sa.String(), nullable=False),
        sa.Column("controlled_units", sa.String(), nullable=False),
        sa.Column("specialty_terms", sa.String(), nullable=False),
        sa.Column("certified_until", sa.Date(), nullable=True),
        sa.Column("pool", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('ACTIVE', 'SUSPENDED', 'LEFT')", name=op.f("ck_expert_status_known")
        ),
        sa.CheckConstraint("field_years >= 0", name=op.f("ck_expert_field_years_not_negative")),
        sa.CheckConstraint("length(employer_uscc) = 18", name=op.f("ck_expert_employer_length")),
        sa.CheckConstraint("length(home_division) = 6", name=op.f("ck_expert_home_length")),
        sa.CheckConstraint("title_level BETWEEN 0 AND 4", name=op.f("ck_expert_title_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert")),
    )
    op.create_index(op.f("ix_expert_employer_uscc"), "expert", ["employer_uscc"], unique=False)
    op.create_index(op.f("ix_expert_name"), "expert", ["name"], unique=False)
    op.create_index(op.f("ix_expert_status"), "expert", ["status"], unique=False)
    op.create_table(
        "expert_appeal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("against", sa.String(), nullable=False),
        sa.Column("grounds", sa.String(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('ASSESSMENT', 'LINE')", name=op.f("ck_expert_appeal_kind_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('OPEN', 'UPHELD', 'REJECTED')", name=op.f("ck_expert_appeal_outcome_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_appeal")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_expert_appeal_kind_subject")),
    )
    op.create_index(
        op.f("ix_expert_appeal_expert_id"), "expert_appeal", ["expert_id"], unique=False
    )
    op.create_table(
        "expert_application",
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("gender", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("expert_id", name=op.f("pk_expert_application")),
    )
    op.create_index(
        op.f("ix_expert_application_stage"), "expert_application", ["stage"], unique=False
    )
    op.create_table(
        "expert_assessment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("seat_code", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("deductions", sa.String(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("appeal_until", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint(
            "side IN ('CENTRE', 'TENDERER', 'SUPERVISOR')",
            name=op.f("ck_expert_assessment_side_known"),
        ),
        sa.CheckConstraint(
            "state IN ('STANDS', 'APPEALED', 'CONFIRMED', 'ANNULLED')",
            name=op.f("ck_expert_assessment_state_known"),
        ),
        sa.CheckConstraint("points >= 0", name=op.f("ck_expert_assessment_points_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_assessment")),
        sa.UniqueConstraint(
            "session_id",
            "expert_id",
            "side",
            name=op.f("uq_expert_assessment_session_id_expert_id_side"),
        ),
    )
    op.create_index(
        op.f("ix_expert_assessment_expert_id"), "expert_assessment", ["expert_id"], unique=False
    )
    op.create_table(
        "expert_line",
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        sa.Column("appeal_until", sa.Date(), nullable=True),
        sa.Column("prev", sa.String(), nullable=False),
        sa.CheckConstraint(
            "act IN ('APPLIED', 'ADMITTED', 'REFUSED', 'TRAINED', 'CERTIFIED', 'ENROLLED', 'ASSESSED', 'SUSPENDED', 'RETURNED', 'LEFT', 'AMENDED', 'PENALISED')",
            name=op.f("ck_expert_line_act_known"),
        ),
        sa.CheckConstraint(
            "cause IN ('', 'AGE', 'HEALTH', 'WISH', 'DISCIPLINE', 'ASSESSMENT', 'ABSENCE', 'MERGED')",
            name=op.f("ck_expert_line_cause_known"),
        ),
        sa.CheckConstraint("length(prev) = 64", name=op.f("ck_expert_line_prev_length")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_expert_line_seq_positive")),
        sa.PrimaryKeyConstraint("expert_id", "seq", name=op.f("pk_expert_line")),
    )
    op.create_index(op.f("ix_expert_line_act"), "expert_line", ["act"], unique=False)
    op.create_table(
        "expert_phone",
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("expert_id", name=op.f("pk_expert_phone")),
    )
    op.create_table(
        "expert_pool_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("changes", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_expert_pool_head_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_pool_head")),
    )
    op.create_table(
        "expert_roll",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expert_roll")),
    )
    op.create_table(
        "identity_proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("one", sa.String(), nullable=False),
        sa.Column("other", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given", sa.String(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('PERSON', 'COMPANY')", name=op.f("ck_identity_proposal_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('OPEN', 'CONFIRMED', 'REJECTED', 'UNDONE')",
            name=op.f("ck_identity_proposal_state_known"),
        ),
        sa.CheckConstraint("one <> other", name=op.f("ck_identity_proposal_two_records")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_proposal")),
        sa.UniqueConstraint(
            "kind", "one", "other", name=op.f("uq_identity_proposal_kind_one_other")
        ),
    )
    op.create_index(
        op.f("ix_identity_proposal_state"), "identity_proposal", ["state"], unique=False
    )
    op.create_table(
        "journal_anchor",
        sa.Column("tick", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("streams", sa.Integer(), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tick", name=op.f("pk_journal_anchor")),
    )
    op.create_table(
        "journal_stream",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.String(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("anchored_size", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("size >= 0", name=op.f("ck_journal_stream_size_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_stream")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("debits_pending", sa.BigInteger(), nullable=False),
        sa.Column("debits_posted", sa.BigInteger(), nullable=False),
        sa.Column("credits_pending", sa.BigInteger(), nullable=False),
        sa.Column("credits_posted", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind <> 'BANK' OR credits_pending + credits_posted <= debits_posted",
            name=op.f("ck_ledger_account_bank_covered"),
        ),
        sa.CheckConstraint(
            "kind = 'BANK' OR debits_pending + debits_posted <= credits_posted",
            name=op.f("ck_ledger_account_debt_covered"),
        ),
        sa.CheckConstraint(
            "debits_pending BETWEEN 0 AND 1000000000000000000 AND debits_posted BETWEEN 0 AND 1000000000000000000 AND credits_pending BETWEEN 0 AND 1000000000000000000 AND credits_posted BETWEEN 0 AND 1000000000000000000",
            name=op.f("ck_ledger_account_sums_in_range"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
    )
    op.create_index(
        op.f("ix_ledger_account_centre_id"), "ledger_account", ["centre_id"], unique=False
    )
    op.create_index(op.f("ix_ledger_account_lot_id"), "ledger_account", ["lot_id"], unique=False)
    op.create_table(
        "lodged_cell",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tick", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cell", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(cell) = 16384", name=op.f("ck_lodged_cell_cell_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lodged_cell")),
    )
    op.create_index(op.f("ix_lodged_cell_tick"), "lodged_cell", ["tick"], unique=False)
    op.create_table(
        "organisation",
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("division_code", sa.String(), nullable=False),
        sa.Column("basic_account", sa.String(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('TENDERER', 'AGENCY', 'SUPERVISOR', 'COMPANY', 'OPERATOR', 'ISSUER', 'STATE_ASSET', 'FUND', 'EMPLOYER')",
            name=op.f("ck_organisation_kind_known"),
        ),
        sa.CheckConstraint("length(uscc) = 18", name=op.f("ck_organisation_uscc_length")),
        sa.PrimaryKeyConstraint("uscc", name=op.f("pk_organisation")),
    )
    op.create_index(op.f("ix_organisation_kind"), "organisation", ["kind"], unique=False)
    op.create_table(
        "register_file",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_file")),
    )
    op.create_table(
        "seat_plan",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.Column("problem_sha256", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("unseated", sa.Integer(), nullable=False),
        sa.Column("objective", sa.BigInteger(), nullable=False),
        sa.Column("bound", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.CheckConstraint(
            "method IN ('LINEAR', 'MIXED', 'SEARCH')", name=op.f("ck_seat_plan_method_known")
        ),
        sa.CheckConstraint("bound <= objective", name=op.f("ck_seat_plan_bound_below")),
        sa.CheckConstraint(
            "seats >= 0 AND unseated >= 0", name=op.f("ck_seat_plan_counts_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_plan")),
    )
    op.create_table(
        "seat_proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(state = 'CONFIRMED') = (plan_id <> '')", name=op.f("ck_seat_proposal_plan_known")
        ),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'CONFIRMED', 'WITHDRAWN', 'LAPSED')",
            name=op.f("ck_seat_proposal_state_known"),
        ),
        sa.CheckConstraint("proposed_at <= lapses_at", name=op.f("ck_seat_proposal_lapses_later")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat_proposal")),
    )
    op.create_index(
        "ix_seat_proposal_state", "seat_proposal", ["state", "proposed_at"], unique=False
    )
    op.create_table(
        "sign_in_failure",
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("failures > 0", name=op.f("ck_sign_in_failure_failures_positive")),
        sa.PrimaryKeyConstraint("key_sha256", name=op.f("pk_sign_in_failure")),
    )
    op.create_index(op.f("ix_sign_in_failure_since"), "sign_in_failure", ["since"], unique=False)
    op.create_table(
        "sign_in_ticket",
        sa.Column("ticket_sha256", sa.String(length=64), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("ticket_sha256", name=op.f("pk_sign_in_ticket")),
    )
    op.create_index(op.f("ix_sign_in_ticket_until"), "sign_in_ticket", ["until"], unique=False)
    op.create_table(
        "station_venue",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("overnight", sa.Boolean(), nullable=False),
        sa.Column("opening", sa.String(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("centre_id", name=op.f("pk_station_venue")),
    )
    op.create_table(
        "task",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("args", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress", sa.String(), nullable=False),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('WAITING', 'DONE', 'FAILED')", name=op.f("ck_task_state_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index("ix_task_due", "task", ["state", "due_at", "id"], unique=False)
    op.create_table(
        "trustee",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("confirmed_by <> registered_by", name=op.f("ck_trustee_two_persons")),
        sa.CheckConstraint("length(key) = 64", name=op.f("ck_trustee_key_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trustee")),
        sa.UniqueConstraint("key", name=op.f("uq_trustee_key")),
    )
    op.create_table(
        "venue_directory",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("stations", sa.Integer(), nullable=False),
        sa.Column("opening", sa.String(), nullable=False),
        sa.Column("overnight", sa.Boolean(), nullable=False),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("meals", sa.String(), nullable=False),
        sa.Column("lodging", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.Column("zones", sa.String(), nullable=False),
        sa.Column("coverages", sa.String(), nullable=False),
        sa.Column("agreement", sa.String(), nullable=False),
        sa.Column("agreement_from", sa.Date(), nullable=True),
        sa.Column("agreement_until", sa.Date(), nullable=True),
        sa.Column("division", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "agreement_from <= agreement_until", name=op.f("ck_venue_directory_agreement_in_order")
        ),
        sa.CheckConstraint(
            "stations >= 0 AND fee_fen >= 0", name=op.f("ck_venue_directory_numbers_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venue_directory")),
    )
    op.create_table(
        "witness_key",
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("public_key", name=op.f("pk_witness_key")),
    )
    op.create_index(op.f("ix_witness_key_witness"), "witness_key", ["witness"], unique=False)
    op.create_table(
        "centre",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("division_code", sa.String(), nullable=False),
        sa.Column("operator_uscc", sa.String(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_centre_operator_uscc_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_centre")),
    )
    op.create_table(
        "deposit_appeal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("queried_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'OPEN') = (decided_at IS NULL)", name=op.f("ck_deposit_appeal_decided_when")
        ),
        sa.CheckConstraint(
            "state IN ('OPEN', 'UPHELD', 'DISMISSED')", name=op.f("ck_deposit_appeal_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["uscc"], ["organisation.uscc"], name=op.f("fk_deposit_appeal_uscc_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit_appeal")),
    )
    op.create_index(op.f("ix_deposit_appeal_uscc"), "deposit_appeal", ["uscc"], unique=False)
    op.create_table(
        "deposit_clearance_step",
        sa.Column("item_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_id"],
            ["deposit_clearance.id"],
            name=op.f("fk_deposit_clearance_step_item_id_deposit_clearance"),
        ),
        sa.PrimaryKeyConstraint("item_id", "number", name=op.f("pk_deposit_clearance_step")),
    )
    op.create_table(
        "deposit_conversion",
        sa.Column("holding_id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("contract_fen", sa.BigInteger(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deposit_conversion_amount_positive")),
        sa.ForeignKeyConstraint(
            ["holding_id"],
            ["deposit_holding.id"],
            name=op.f("fk_deposit_conversion_holding_id_deposit_holding"),
        ),
        sa.PrimaryKeyConstraint("holding_id", name=op.f("pk_deposit_conversion")),
    )
    op.create_index(
        op.f("ix_deposit_conversion_lot_id"), "deposit_conversion", ["lot_id"], unique=False
    )
    op.create_table(
        "deposit_credit_grade",
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], ["organisation.uscc"], name=op.f("fk_deposit_credit_grade_uscc_organisation")
        ),
        sa.PrimaryKeyConstraint("uscc", "source", "given_on", name=op.f("pk_deposit_credit_grade")),
    )
    op.create_table(
        "deposit_extension_answer",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["lot_id", "number"],
            ["deposit_extension.lot_id", "deposit_extension.number"],
            name=op.f("fk_deposit_extension_answer_lot_id_number_deposit_extension"),
        ),
        sa.PrimaryKeyConstraint(
            "lot_id", "number", "bidder_uscc", name=op.f("pk_deposit_extension_answer")
        ),
    )
    op.create_table(
        "deposit_forfeiture",
        sa.Column("holding_id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("clause", sa.String(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deposit_forfeiture_amount_positive")),
        sa.ForeignKeyConstraint(
            ["holding_id"],
            ["deposit_holding.id"],
            name=op.f("fk_deposit_forfeiture_holding_id_deposit_holding"),
        ),
        sa.PrimaryKeyConstraint("holding_id", name=op.f("pk_deposit_forfeiture")),
    )
    op.create_index(
        op.f("ix_deposit_forfeiture_lot_id"), "deposit_forfeiture", ["lot_id"], unique=False
    )
    op.create_table(
        "deposit_guarantee_demand",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("guarantee_id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("issuer_uscc", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("rule_id", sa.String(), nullable=False),
        sa.Column("article", sa.String(), nullable=False),
        sa.Column("clause", sa.String(), nullable=False),
        sa.Column("document_name", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("to_account", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('PAID_OUT', 'REFUSED')) = (answered_at IS NOT NULL)",
            name=op.f("ck_deposit_guarantee_demand_answered_when"),
        ),
        sa.CheckConstraint(
            "state IN ('MADE', 'SENT', 'PAID_OUT', 'REFUSED', 'UNHEARD')",
            name=op.f("ck_deposit_guarantee_demand_state_known"),
        ),
        sa.CheckConstraint(
            "amount_fen > 0", name=op.f("ck_deposit_guarantee_demand_amount_positive")
        ),
        sa.ForeignKeyConstraint(
            ["guarantee_id"],
            ["deposit_guarantee.id"],
            name=op.f("fk_deposit_guarantee_demand_guarantee_id_deposit_guarantee"),
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_deposit_guarantee_demand")),
    )
    op.create_index(
        op.f("ix_deposit_guarantee_demand_guarantee_id"),
        "deposit_guarantee_demand",
        ["guarantee_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_deposit_guarantee_demand_lot_id"),
        "deposit_guarantee_demand",
        ["lot_id"],
        unique=False,
    )
    op.create_table(
        "deposit_guarantee_endorsement",
        sa.Column("guarantee_id", sa.String(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(paid_at IS NULL) = (account = '')",
            name=op.f("ck_deposit_guarantee_endorsement_paid_from_account"),
        ),
        sa.CheckConstraint(
            "state IN ('ASKED', 'QUOTED', 'PAYING', 'DONE', 'REFUSED')",
            name=op.f("ck_deposit_guarantee_endorsement_state_known"),
        ),
        sa.CheckConstraint(
            "price_fen >= 0", name=op.f("ck_deposit_guarantee_endorsement_price_not_below")
        ),
        sa.ForeignKeyConstraint(
            ["guarantee_id"],
            ["deposit_guarantee.id"],
            name=op.f("fk_deposit_guarantee_endorsement_guarantee_id_deposit_guarantee"),
        ),
        sa.PrimaryKeyConstraint("guarantee_id", name=op.f("pk_deposit_guarantee_endorsement")),
    )
    op.create_table(
        "deposit_guarantee_evidence",
        sa.Column("guarantee_id", sa.String(), nullable=False),
        sa.Column("digests", sa.String(), nullable=False),
        sa.Column("crls", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["guarantee_id"],
            ["deposit_guarantee.id"],
            name=op.f("fk_deposit_guarantee_evidence_guarantee_id_deposit_guarantee"),
        ),
        sa.PrimaryKeyConstraint("guarantee_id", name=op.f("pk_deposit_guarantee_evidence")),
    )
    op.create_table(
        "deposit_guarantee_step",
        sa.Column("guarantee_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_deposit_guarantee_step_counted_from_one")),
        sa.ForeignKeyConstraint(
            ["guarantee_id"],
            ["deposit_guarantee.id"],
            name=op.f("fk_deposit_guarantee_step_guarantee_id_deposit_guarantee"),
        ),
        sa.PrimaryKeyConstraint("guarantee_id", "number", name=op.f("pk_deposit_guarantee_step")),
    )
    op.create_table(
        "deposit_issuer_call",
        sa.Column("issuer_uscc", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["issuer_uscc"],
            ["deposit_issuer.uscc"],
            name=op.f("fk_deposit_issuer_call_issuer_uscc_deposit_issuer"),
        ),
        sa.PrimaryKeyConstraint("issuer_uscc", "number", name=op.f("pk_deposit_issuer_call")),
    )
    op.create_table(
        "deposit_issuer_key",
        sa.Column("issuer_uscc", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "length(public_key) = CASE algorithm WHEN 'SM2' THEN 128 ELSE 64 END",
            name=op.f("ck_deposit_issuer_key_public_key_hex"),
        ),
        sa.CheckConstraint(
            "valid_from <= valid_to", name=op.f("ck_deposit_issuer_key_days_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["issuer_uscc"],
            ["deposit_issuer.uscc"],
            name=op.f("fk_deposit_issuer_key_issuer_uscc_deposit_issuer"),
        ),
        sa.PrimaryKeyConstraint("issuer_uscc", "public_key", name=op.f("pk_deposit_issuer_key")),
    )
    op.create_table(
        "deposit_receipt",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("holding_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("payer_account", sa.String(), nullable=False),
        sa.Column("payer_name", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_deposit_receipt_amount_positive")),
        sa.ForeignKeyConstraint(
            ["holding_id"],
            ["deposit_holding.id"],
            name=op.f("fk_deposit_receipt_holding_id_deposit_holding"),
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_deposit_receipt")),
    )
    op.create_index(
        op.f("ix_deposit_receipt_holding_id"), "deposit_receipt", ["holding_id"], unique=False
    )
    op.create_table(
        "deposit_statement_line",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("take", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("counter_account", sa.String(), nullable=False),
        sa.Column("counter_name", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("is_booked", sa.Boolean(), nullable=False),
        sa.Column("is_undone", sa.Boolean(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_for", sa.String(), nullable=False),
        sa.Column("proposed_why", sa.String(), nullable=False),
        sa.Column("proposed_came_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_document", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "proposed_for = '' OR (proposed_by <> '' AND proposed_document <> '' AND proposed_at IS NOT NULL AND proposed_came_at IS NOT NULL)",
            name=op.f("ck_deposit_statement_line_proposed_by_somebody"),
        ),
        sa.CheckConstraint(
            "why <> '' OR is_booked", name=op.f("ck_deposit_statement_line_matched_is_booked")
        ),
        sa.CheckConstraint(
            "amount_fen <> 0", name=op.f("ck_deposit_statement_line_amount_something")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id", "take"],
            ["deposit_statement.centre_id", "deposit_statement.take"],
            name=op.f("fk_deposit_statement_line_centre_id_take_deposit_statement"),
        ),
        sa.PrimaryKeyConstraint(
            "centre_id", "take", "position", name=op.f("pk_deposit_statement_line")
        ),
    )
    op.create_index(
        op.f("ix_deposit_statement_line_why"), "deposit_statement_line", ["why"], unique=False
    )
    op.create_index(
        "uq_deposit_statement_line_reference",
        "deposit_statement_line",
        ["centre_id", "reference"],
        unique=True,
        sqlite_where=sa.text("NOT is_undone"),
        postgresql_where=sa.text("NOT is_undone"),
    )
    op.create_table(
        "dishonesty_record",
        sa.Column("uscc", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("queried_on", sa.Date(), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("listed_until", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["uscc"], ["organisation.uscc"], name=op.f("fk_dishonesty_record_uscc_organisation")
        ),
        sa.PrimaryKeyConstraint(
            "uscc", "source", "queried_on", "is_listed", name=op.f("pk_dishonesty_record")
        ),
    )
    op.create_table(
        "draw_call",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.String(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", sa.String(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "reply IN ('', 'ACCEPT', 'DECLINE')", name=op.f("ck_draw_call_reply_known")
        ),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_call_draw_id_draw")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_call")),
        sa.UniqueConstraint(
            "draw_id", "round", "leaf", name=op.f("uq_draw_call_draw_id_round_leaf")
        ),
    )
    op.create_table(
        "draw_invitation",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("group_number", sa.Integer(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.String(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "answer IN ('', 'YES', 'NO', 'SILENT')", name=op.f("ck_draw_invitation_answer_known")
        ),
        sa.ForeignKeyConstraint(
            ["draw_id"], ["draw.id"], name=op.f("fk_draw_invitation_draw_id_draw")
        ),
        sa.PrimaryKeyConstraint(
            "draw_id", "round", "group_number", "rank", name=op.f("pk_draw_invitation")
        ),
    )
    op.create_index(op.f("ix_draw_invitation_tag"), "draw_invitation", ["tag"], unique=False)
    op.create_table(
        "draw_late_hit",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("seat_code", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draw_id"], ["draw.id"], name=op.f("fk_draw_late_hit_draw_id_draw")
        ),
        sa.PrimaryKeyConstraint("draw_id", "seat_code", "expert_id", name=op.f("pk_draw_late_hit")),
    )
    op.create_table(
        "draw_member",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("seat_code", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("specialty", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("leaf", sa.String(), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("left_for", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_member_draw_id_draw")),
        sa.PrimaryKeyConstraint("draw_id", "seat_code", "round", name=op.f("pk_draw_member")),
    )
    op.create_index(op.f("ix_draw_member_tag"), "draw_member", ["tag"], unique=False)
    op.create_table(
        "draw_names",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cell", sa.LargeBinary(), nullable=False),
        sa.Column("half", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "opened_by = '' OR opened_by <> asked_by", name=op.f("ck_draw_names_two_persons")
        ),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_names_draw_id_draw")),
        sa.PrimaryKeyConstraint("draw_id", name=op.f("pk_draw_names")),
    )
    op.create_table(
        "draw_output",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("asking", sa.Integer(), nullable=False),
        sa.Column("trustee_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("proof", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_output_draw_id_draw")),
        sa.PrimaryKeyConstraint("draw_id", "asking", "trustee_id", name=op.f("pk_draw_output")),
    )
    op.create_table(
        "draw_recheck",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("grounds", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draw_id"], ["draw.id"], name=op.f("fk_draw_recheck_draw_id_draw")
        ),
        sa.PrimaryKeyConstraint("draw_id", "seq", name=op.f("pk_draw_recheck")),
    )
    op.create_table(
        "draw_sheet",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("candidates", sa.LargeBinary(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("records", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_sheet_draw_id_draw")),
        sa.PrimaryKeyConstraint("draw_id", name=op.f("pk_draw_sheet")),
    )
    op.create_table(
        "draw_step",
        sa.Column("draw_id", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["draw_id"], ["draw.id"], name=op.f("fk_draw_step_draw_id_draw")),
        sa.PrimaryKeyConstraint("draw_id", "seq", name=op.f("pk_draw_step")),
    )
    op.create_table(
        "evaluation_session_member",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("seat_code", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.CheckConstraint(
            "standing IN ('SITTING', 'BLOCKED', 'REPLACED')",
            name=op.f("ck_evaluation_session_member_standing_known"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_evaluation_session_member_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint(
            "session_id", "expert_id", name=op.f("pk_evaluation_session_member")
        ),
    )
    op.create_index(
        op.f("ix_evaluation_session_member_centre_id"),
        "evaluation_session_member",
        ["centre_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_evaluation_session_member_expert_id"),
        "evaluation_session_member",
        ["expert_id"],
        unique=False,
    )
    op.create_table(
        "evaluation_sheet",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("seat_code", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("version >= 0", name=op.f("ck_evaluation_sheet_version_not_negative")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_evaluation_sheet_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", "expert_id", name=op.f("pk_evaluation_sheet")),
    )
    op.create_table(
        "journal_anchored_head",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("tick", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream"],
            ["journal_stream.id"],
            name=op.f("fk_journal_anchored_head_stream_journal_stream"),
        ),
        sa.ForeignKeyConstraint(
            ["tick"],
            ["journal_anchor.tick"],
            name=op.f("fk_journal_anchored_head_tick_journal_anchor"),
        ),
        sa.PrimaryKeyConstraint("stream", "tick", name=op.f("pk_journal_anchored_head")),
    )
    op.create_table(
        "journal_entry",
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream"], ["journal_stream.id"], name=op.f("fk_journal_entry_stream_journal_stream")
        ),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_journal_entry")),
    )
    op.create_table(
        "ledger_transfer",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("debit", sa.String(), nullable=False),
        sa.Column("credit", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'PENDING') = (settled_at IS NULL)",
            name=op.f("ck_ledger_transfer_settled_when"),
        ),
        sa.CheckConstraint(
            "state IN ('PENDING', 'POSTED', 'VOIDED')", name=op.f("ck_ledger_transfer_state_known")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_ledger_transfer_amount_positive")),
        sa.CheckConstraint("debit <> credit", name=op.f("ck_ledger_transfer_two_accounts")),
        sa.ForeignKeyConstraint(
            ["credit"], ["ledger_account.id"], name=op.f("fk_ledger_transfer_credit_ledger_account")
        ),
        sa.ForeignKeyConstraint(
            ["debit"], ["ledger_account.id"], name=op.f("fk_ledger_transfer_debit_ledger_account")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_ledger_transfer")),
    )
    op.create_index(op.f("ix_ledger_transfer_credit"), "ledger_transfer", ["credit"], unique=False)
    op.create_index(op.f("ix_ledger_transfer_debit"), "ledger_transfer", ["debit"], unique=False)
    op.create_table(
        "ownership_link",
        sa.Column("owner_uscc", sa.String(), nullable=False),
        sa.Column("owned_uscc", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("share_permille", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "relation IN ('SHARE', 'CONTROL', 'MANAGEMENT', 'SAME_HEAD')",
            name=op.f("ck_ownership_link_relation_known"),
        ),
        sa.CheckConstraint("owner_uscc <> owned_uscc", name=op.f("ck_ownership_link_not_itself")),
        sa.CheckConstraint(
            "share_permille BETWEEN 0 AND 1000", name=op.f("ck_ownership_link_share_range")
        ),
        sa.CheckConstraint(
            "until IS NULL OR until > since", name=op.f("ck_ownership_link_interval_positive")
        ),
        sa.ForeignKeyConstraint(
            ["owned_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_ownership_link_owned_uscc_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_ownership_link_owner_uscc_organisation"),
        ),
        sa.PrimaryKeyConstraint(
            "owner_uscc", "owned_uscc", "relation", "since", name=op.f("pk_ownership_link")
        ),
    )
    op.create_index(
        op.f("ix_ownership_link_owned_uscc"), "ownership_link", ["owned_uscc"], unique=False
    )
    op.create_table(
        "seat",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plan_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("equipment", sa.Integer(), nullable=False),
        sa.Column("first_slot", sa.Integer(), nullable=False),
        sa.Column("last_slot", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("draw", sa.String(), nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "checked_in_at IS NULL OR label <> ''", name=op.f("ck_seat_booth_known")
        ),
        sa.CheckConstraint("equipment IN (1, 2, 3)", name=op.f("ck_seat_equipment_known")),
        sa.CheckConstraint("first_slot <= last_slot", name=op.f("ck_seat_interval")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["seat_plan.id"], name=op.f("fk_seat_plan_id_seat_plan")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
    )
    op.create_index(
        "ix_seat_centre", "seat", ["centre_id", "equipment", "first_slot"], unique=False
    )
    op.create_index("ix_seat_slots", "seat", ["first_slot", "last_slot"], unique=False)
    op.create_index(
        "uq_seat_live",
        "seat",
        ["session_id", "expert_id"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "seat_change_notice",
        sa.Column("proposal_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("come", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("hosted", sa.Integer(), nullable=False),
        sa.Column("is_lapsed", sa.Boolean(), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["seat_proposal.id"],
            name=op.f("fk_seat_change_notice_proposal_id_seat_proposal"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", "centre_id", name=op.f("pk_seat_change_notice")),
    )
    op.create_index(
        "ix_seat_change_notice_centre",
        "seat_change_notice",
        ["centre_id", "noted_at"],
        unique=False,
    )
    op.create_table(
        "sign_in",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sign_in_account_id_account")
        ),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_sign_in")),
    )
    op.create_index(op.f("ix_sign_in_account_id"), "sign_in", ["account_id"], unique=False)
    op.create_index(op.f("ix_sign_in_seen_at"), "sign_in", ["seen_at"], unique=False)
    op.create_table(
        "station_group",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("equipment", sa.Integer(), nullable=False),
        sa.Column("stations", sa.Integer(), nullable=False),
        sa.CheckConstraint("equipment IN (1, 2, 3)", name=op.f("ck_station_group_equipment_known")),
        sa.CheckConstraint("stations > 0", name=op.f("ck_station_group_stations_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id"],
            ["station_venue.centre_id"],
            name=op.f("fk_station_group_centre_id_station_venue"),
        ),
        sa.PrimaryKeyConstraint("centre_id", "equipment", name=op.f("pk_station_group")),
    )
    op.create_table(
        "witness_checkpoint",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_checkpoint_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", "size", name=op.f("pk_witness_checkpoint")),
    )
    op.create_table(
        "witness_cosignature",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_cosignature_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", "size", "name", name=op.f("pk_witness_cosignature")),
    )
    op.create_table(
        "witness_hold",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_hold_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_witness_hold")),
    )
    op.create_table(
        "witness_lease",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("fence > 0", name=op.f("ck_witness_lease_fence_positive")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_lease_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_witness_lease")),
    )
    op.create_table(
        "witness_media",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("track", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("form", sa.String(), nullable=False),
        sa.Column("retention", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "form IN ('SNAPSHOT', 'SEGMENT')", name=op.f("ck_witness_media_form_known")
        ),
        sa.CheckConstraint(
            "place IN ('ELSEWHERE', 'KEPT', 'DISCARDED', 'GONE')",
            name=op.f("ck_witness_media_place_known"),
        ),
        sa.CheckConstraint(
            "retention = 'SECURITY' OR place IN ('ELSEWHERE', 'KEPT')",
            name=op.f("ck_witness_media_evaluation_is_kept"),
        ),
        sa.CheckConstraint(
            "retention IN ('EVALUATION', 'SECURITY')", name=op.f("ck_witness_media_retention_known")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_media_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint(
            "session_id", "station", "track", "sha256", name=op.f("pk_witness_media")
        ),
    )
    op.create_index(
        "ix_witness_media_newest",
        "witness_media",
        ["session_id", "station", "track", "form", "place", "at"],
        unique=False,
    )
    op.create_index("ix_witness_media_sha256", "witness_media", ["sha256"], unique=False)
    op.create_table(
        "witness_outside",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_outside_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", "name", name=op.f("pk_witness_outside")),
    )
    op.create_table(
        "witness_station",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column("use", sa.String(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.String(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_up", sa.BigInteger(), nullable=False),
        sa.Column("rejected_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "algorithm IN ('ED25519', 'P-256')", name=op.f("ck_witness_station_algorithm_known")
        ),
        sa.CheckConstraint(
            "use IN ('EVALUATION', 'SECURITY', 'VOICE')", name=op.f("ck_witness_station_use_known")
        ),
        sa.CheckConstraint("next >= 0", name=op.f("ck_witness_station_next_not_negative")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_station_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", "station", name=op.f("pk_witness_station")),
    )
    op.create_table(
        "witness_watch",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("fold", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_witness_watch_size_positive")),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["evaluation_session.id"],
            name=op.f("fk_witness_watch_session_id_evaluation_session"),
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_witness_watch")),
    )
    op.create_table(
        "evaluation_sheet_cell",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("bidder", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hundredths", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "hundredths BETWEEN 0 AND 10000", name=op.f("ck_evaluation_sheet_cell_score_in_range")
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_evaluation_sheet_cell_version_positive")),
        sa.ForeignKeyConstraint(
            ["session_id", "expert_id"],
            ["evaluation_sheet.session_id", "evaluation_sheet.expert_id"],
            name=op.f("fk_evaluation_sheet_cell_session_id_expert_id_evaluation_sheet"),
        ),
        sa.PrimaryKeyConstraint(
            "session_id",
            "expert_id",
            "bidder",
            "item",
            "version",
            name=op.f("pk_evaluation_sheet_cell"),
        ),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("regime", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("division_code", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("tenderer_uscc", sa.String(), nullable=False),
        sa.Column("agency_uscc", sa.String(), nullable=True),
        sa.Column("supervisor_uscc", sa.String(), nullable=False),
        sa.Column("government_invested", sa.Boolean(), nullable=False),
        sa.Column("review_by", sa.String(), nullable=True),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("review_conclusion", sa.String(), nullable=True),
        sa.Column("review_reason", sa.String(), nullable=True),
        sa.Column("review_sha256", sa.String(), nullable=True),
        sa.Column("order_notice", sa.Date(), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registered_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_uscc"], ["organisation.uscc"], name=op.f("fk_project_agency_uscc_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_project_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(
            ["supervisor_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_project_supervisor_uscc_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["tenderer_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_project_tenderer_uscc_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
    )
    op.create_index(op.f("ix_project_centre_id"), "project", ["centre_id"], unique=False)
    op.create_table(
        "seat_expert_slot",
        sa.Column("expert_id", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("seat_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["seat_id"], ["seat.id"], name=op.f("fk_seat_expert_slot_seat_id_seat")
        ),
        sa.PrimaryKeyConstraint("expert_id", "slot", name=op.f("pk_seat_expert_slot")),
    )
    op.create_index(
        op.f("ix_seat_expert_slot_seat_id"), "seat_expert_slot", ["seat_id"], unique=False
    )
    op.create_table(
        "station",
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("equipment", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["centre_id", "equipment"],
            ["station_group.centre_id", "station_group.equipment"],
            name=op.f("fk_station_centre_id_equipment_station_group"),
        ),
        sa.PrimaryKeyConstraint("centre_id", "label", name=op.f("pk_station")),
    )
    op.create_table(
        "station_holding",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("equipment", sa.Integer(), nullable=False),
        sa.Column("first_slot", sa.Integer(), nullable=False),
        sa.Column("until_slot", sa.Integer(), nullable=False),
        sa.Column("stations", sa.Integer(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.CheckConstraint("first_slot <= until_slot", name=op.f("ck_station_holding_interval")),
        sa.CheckConstraint("stations > 0", name=op.f("ck_station_holding_stations_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id", "equipment"],
            ["station_group.centre_id", "station_group.equipment"],
            name=op.f("fk_station_holding_centre_id_equipment_station_group"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_holding")),
    )
    op.create_index("ix_station_holding_until", "station_holding", ["until_slot"], unique=False)
    op.create_table(
        "lot",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("estimate_fen", sa.BigInteger(), nullable=False),
        sa.Column("price_ceiling_fen", sa.BigInteger(), nullable=False),
        sa.Column("committee", sa.String(), nullable=False),
        sa.Column("deposit_charged_fen", sa.BigInteger(), nullable=False),
        sa.Column("bid_validity_days", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("overnight_expected", sa.Boolean(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("guests", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opening_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evaluation_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("available_until", sa.Date(), nullable=True),
        sa.Column("notice_sha256", sa.String(), nullable=True),
        sa.Column("notice_bytes", sa.Integer(), nullable=True),
        sa.Column("evaluated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "stage IN ('REGISTERED', 'NOTICED', 'OPENING', 'OPENED', 'EVALUATED', 'CANDIDATES', 'AWARDED', 'CONTRACTED', 'ARCHIVED', 'FAILED', 'TERMINATED')",
            name=op.f("ck_lot_stage_known"),
        ),
        sa.CheckConstraint("deposit_charged_fen >= 0", name=op.f("ck_lot_deposit_not_negative")),
        sa.CheckConstraint(
            "estimate_fen > 0 AND price_ceiling_fen > 0", name=op.f("ck_lot_amounts_positive")
        ),
        sa.CheckConstraint("number >= 1 AND slots >= 1", name=op.f("ck_lot_counts_positive")),
        sa.CheckConstraint(
            "opening_at IS NULL OR (opening_at > issued_at AND evaluation_at >= opening_at)",
            name=op.f("ck_lot_notice_in_order"),
        ),
        sa.ForeignKeyConstraint(["centre_id"], ["centre.id"], name=op.f("fk_lot_centre_id_centre")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_lot_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("project_id", "number", name=op.f("uq_lot_project_id_number")),
    )
    op.create_index(op.f("ix_lot_centre_id"), "lot", ["centre_id"], unique=False)
    op.create_index(op.f("ix_lot_stage"), "lot", ["stage"], unique=False)
    op.create_table(
        "station_calibration",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.CheckConstraint("done_on <= valid_until", name=op.f("ck_station_calibration_interval")),
        sa.ForeignKeyConstraint(
            ["centre_id", "label"],
            ["station.centre_id", "station.label"],
            name=op.f("fk_station_calibration_centre_id_label_station"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_calibration")),
        sa.UniqueConstraint("centre_id", "label", "done_on", name="uq_station_calibration_day"),
    )
    op.create_table(
        "station_closure",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("first_slot", sa.Integer(), nullable=False),
        sa.Column("until_slot", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.String(), nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by", sa.String(), nullable=False),
        sa.CheckConstraint(
            "cause IN ('FAULT', 'MAINTENANCE')", name=op.f("ck_station_closure_cause_known")
        ),
        sa.CheckConstraint("first_slot <= until_slot", name=op.f("ck_station_closure_interval")),
        sa.ForeignKeyConstraint(
            ["centre_id", "label"],
            ["station.centre_id", "station.label"],
            name=op.f("fk_station_closure_centre_id_label_station"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_station_closure")),
    )
    op.create_index(
        "ix_station_closure_centre", "station_closure", ["centre_id", "until_slot"], unique=False
    )
    op.create_table(
        "award",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("awarded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("awarded_by", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_award_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_award_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_award")),
    )
    op.create_table(
        "candidate_publication",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("report_name", sa.String(), nullable=False),
        sa.Column("report_sha256", sa.String(), nullable=False),
        sa.Column("report_bytes", sa.Integer(), nullable=False),
        sa.Column("report_type", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_candidate_publication_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["lot.id"], name=op.f("fk_candidate_publication_lot_id_lot")
        ),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_candidate_publication")),
    )
    op.create_table(
        "contract",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("winner_uscc", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_contract_amount_positive")),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_contract_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_contract_lot_id_lot")),
        sa.ForeignKeyConstraint(
            ["winner_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_contract_winner_uscc_organisation"),
        ),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_contract")),
    )
    op.create_table(
        "lot_archival",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dossier_root", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_lot_archival_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_lot_archival_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_lot_archival")),
    )
    op.create_table(
        "objection",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("raised_by", sa.String(), nullable=False),
        sa.Column("commitment", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("document_bytes", sa.Integer(), nullable=False),
        sa.Column("suspends", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'ANSWERED') = (outcome <> '')", name=op.f("ck_objection_answer_has_outcome")
        ),
        sa.CheckConstraint(
            "stage <> 'FILE' OR raised_by = ''", name=op.f("ck_objection_file_anonymous")
        ),
        sa.CheckConstraint(
            "stage IN ('FILE', 'OPENING', 'RESULT')", name=op.f("ck_objection_stage_known")
        ),
        sa.CheckConstraint(
            "state IN ('OPEN', 'ANSWERED', 'WITHDRAWN')", name=op.f("ck_objection_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_objection_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_objection_lot_id_lot")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objection")),
    )
    op.create_index(op.f("ix_objection_centre_id"), "objection", ["centre_id"], unique=False)
    op.create_index("ix_objection_lot_state", "objection", ["lot_id", "state"], unique=False)
    op.create_table(
        "opening",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("centre_id", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("begun_by", sa.String(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("bidder_count", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("record_sha256", sa.String(), nullable=False),
        sa.Column("record_bytes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_id"], ["centre.id"], name=op.f("fk_opening_centre_id_centre")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.id"], name=op.f("fk_opening_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_opening")),
    )
    op.create_table(
        "candidate",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.CheckConstraint("price_fen > 0", name=op.f("ck_candidate_price_positive")),
        sa.CheckConstraint("rank >= 1", name=op.f("ck_candidate_rank_positive")),
        sa.ForeignKeyConstraint(
            ["bidder_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_candidate_bidder_uscc_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"],
            ["candidate_publication.lot_id"],
            name=op.f("fk_candidate_lot_id_candidate_publication"),
        ),
        sa.PrimaryKeyConstraint("lot_id", "rank", name=op.f("pk_candidate")),
        sa.UniqueConstraint("lot_id", "bidder_uscc", name=op.f("uq_candidate_lot_id_bidder_uscc")),
    )
    op.create_table(
        "opening_bid",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cells", sa.Integer(), nullable=False),
        sa.Column("own", sa.Integer(), nullable=False),
        sa.Column("bidder_half", sa.LargeBinary(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("cell_sha256", sa.String(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=True),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "state IN ('WAITING', 'READY', 'OPENED', 'WITHDRAWN', 'REVOKED', 'UNOPENED')",
            name=op.f("ck_opening_bid_state_known"),
        ),
        sa.CheckConstraint(
            "price_fen IS NULL OR price_fen > 0", name=op.f("ck_opening_bid_price_positive")
        ),
        sa.ForeignKeyConstraint(
            ["bidder_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_opening_bid_bidder_uscc_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["opening.lot_id"], name=op.f("fk_opening_bid_lot_id_opening")
        ),
        sa.PrimaryKeyConstraint("lot_id", "bidder_uscc", name=op.f("pk_opening_bid")),
    )
    op.create_table(
        "opening_envelope",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("cell_sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bidder_uscc"],
            ["organisation.uscc"],
            name=op.f("fk_opening_envelope_bidder_uscc_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["lot_id"], ["opening.lot_id"], name=op.f("fk_opening_envelope_lot_id_opening")
        ),
        sa.PrimaryKeyConstraint("lot_id", "bidder_uscc", "kind", name=op.f("pk_opening_envelope")),
    )
    op.create_table(
        "opening_cell",
        sa.Column("lot_id", sa.String(), nullable=False),
        sa.Column("cell_sha256", sa.String(), nullable=False),
        sa.Column("bidder_uscc", sa.String(), nullable=False),
        sa.Column("tick", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("key_commitment", sa.LargeBinary(), nullable=False),
        sa.Column("platform_half", sa.LargeBinary(), nullable=False),
        sa.Column("inner", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lot_id", "bidder_uscc"],
            ["opening_bid.lot_id", "opening_bid.bidder_uscc"],
            name=op.f("fk_opening_cell_lot_id_bidder_uscc_opening_bid"),
        ),
        sa.PrimaryKeyConstraint("lot_id", "cell_sha256", name=op.f("pk_opening_cell")),
    )
    op.create_index("ix_opening_cell_name", "opening_cell", ["lot_id", "bidder_uscc"], unique=False)

    statements = SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL
    for statement in statements:
        op.execute(sa.text(statement))


SQLITE = [
    "CREATE TRIGGER journal_entry_no_update BEFORE UPDATE ON journal_entry BEGIN SELECT RAISE(ABORT, 'journal_entry is append-only'); END",
    "CREATE TRIGGER journal_entry_no_delete BEFORE DELETE ON journal_entry BEGIN SELECT RAISE(ABORT, 'journal_entry is append-only'); END",
    "CREATE TRIGGER journal_anchor_no_update BEFORE UPDATE ON journal_anchor BEGIN SELECT RAISE(ABORT, 'journal_anchor is append-only'); END",
    "CREATE TRIGGER journal_anchor_no_delete BEFORE DELETE ON journal_anchor BEGIN SELECT RAISE(ABORT, 'journal_anchor is append-only'); END",
    "CREATE TRIGGER journal_anchored_head_no_update BEFORE UPDATE ON journal_anchored_head BEGIN SELECT RAISE(ABORT, 'journal_anchored_head is append-only'); END",
    "CREATE TRIGGER journal_anchored_head_no_delete BEFORE DELETE ON journal_anchored_head BEGIN SELECT RAISE(ABORT, 'journal_anchored_head is append-only'); END",
    "CREATE TRIGGER journal_stream_no_delete BEFORE DELETE ON journal_stream BEGIN SELECT RAISE(ABORT, 'journal_stream is append-only'); END",
    "CREATE TRIGGER journal_entry_no_replace BEFORE INSERT ON journal_entry WHEN EXISTS (SELECT 1 FROM journal_entry WHERE stream = NEW.stream AND seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'journal_entry is append-only'); END",
    "CREATE TRIGGER journal_anchor_no_replace BEFORE INSERT ON journal_anchor WHEN EXISTS (SELECT 1 FROM journal_anchor WHERE tick = NEW.tick) BEGIN SELECT RAISE(ABORT, 'journal_anchor is append-only'); END",
    "CREATE TRIGGER journal_anchored_head_no_replace BEFORE INSERT ON journal_anchored_head WHEN EXISTS (SELECT 1 FROM journal_anchored_head WHERE stream = NEW.stream AND tick = NEW.tick) BEGIN SELECT RAISE(ABORT, 'journal_anchored_head is append-only'); END",
    "CREATE TRIGGER journal_stream_no_replace BEFORE INSERT ON journal_stream WHEN EXISTS (SELECT 1 FROM journal_stream WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'journal_stream is append-only'); END",
]
POSTGRESQL = [
    "CREATE FUNCTION bigloop_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$",
    "CREATE TRIGGER journal_entry_no_update BEFORE UPDATE ON journal_entry FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_entry_no_delete BEFORE DELETE ON journal_entry FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_anchor_no_update BEFORE UPDATE ON journal_anchor FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_anchor_no_delete BEFORE DELETE ON journal_anchor FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_anchored_head_no_update BEFORE UPDATE ON journal_anchored_head FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_anchored_head_no_delete BEFORE DELETE ON journal_anchored_head FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_stream_no_delete BEFORE DELETE ON journal_stream FOR EACH ROW EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_entry_no_truncate BEFORE TRUNCATE ON journal_entry FOR EACH STATEMENT EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_anchor_no_truncate BEFORE TRUNCATE ON journal_anchor FOR EACH STATEMENT EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_anchored_head_no_truncate BEFORE TRUNCATE ON journal_anchored_head FOR EACH STATEMENT EXECUTE FUNCTION bigloop_append_only()",
    "CREATE TRIGGER journal_stream_no_truncate BEFORE TRUNCATE ON journal_stream FOR EACH STATEMENT EXECUTE FUNCTION bigloop_append_only()",
]

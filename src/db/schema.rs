//! The tables of both engines. Generated from PostgreSQL's catalogue: `BLESS=1 ./test schema_rs`.

diesel::table! {
    use crate::types::sql::*;

    access_log (organization_id, block, client_id, sequence, subject_id) {
        organization_id -> Uuid,
        block -> Int8,
        client_id -> Uuid,
        sequence -> Int8,
        subject_id -> Uuid,
        kind -> Text,
        case_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    access_log_marks (organization_id) {
        organization_id -> Uuid,
        sequence -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    action_facts (organization_id, team_id, replaced_at, action_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        replaced_at -> Int8,
        action_id -> Uuid,
        recorded_at -> Int8,
        case_id -> Uuid,
        client_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        scheme -> Nullable<Text>,
        provider_id -> Nullable<Uuid>,
        status -> Text,
        filed_on -> Nullable<Int4>,
        decision -> Nullable<Text>,
        decided_on -> Nullable<Int4>,
        voided_at -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    actions (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        barrier_id -> Nullable<Uuid>,
        provider_id -> Nullable<Uuid>,
        #[sql_name = "type"]
        type_ -> Text,
        forum -> Text,
        scheme -> Nullable<Text>,
        level -> Nullable<Int4>,
        parent_action_id -> Nullable<Uuid>,
        escalation_reason -> Nullable<Text>,
        description -> Nullable<Text>,
        status -> Text,
        filed_on -> Nullable<Date>,
        method -> Nullable<Text>,
        external_reference -> Nullable<Text>,
        decision -> Nullable<Text>,
        decided_on -> Nullable<Date>,
        late_filing -> Bool,
        good_cause -> Nullable<Text>,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    assignments (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
        assigned_by -> Uuid,
        started_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    audit_events (organization_id, sequence) {
        organization_id -> Uuid,
        sequence -> Int8,
        at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        actor_role -> Nullable<Text>,
        session_id -> Nullable<Uuid>,
        source -> Text,
        action -> Text,
        subject_id -> Nullable<Uuid>,
        outcome -> Text,
        fields -> Jsonb,
        subjects -> Jsonb,
        request_id -> Uuid,
        hash -> Bytea,
    }
}

diesel::table! {
    use crate::types::sql::*;

    audit_heads (organization_id) {
        organization_id -> Uuid,
        sequence -> Int8,
        hash -> Bytea,
    }
}

diesel::table! {
    use crate::types::sql::*;

    barrier_facts (organization_id, team_id, replaced_at, barrier_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        replaced_at -> Int8,
        barrier_id -> Uuid,
        recorded_at -> Int8,
        case_id -> Uuid,
        client_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        bases -> Text,
        service_type -> Nullable<Text>,
        provider_id -> Nullable<Uuid>,
        service_id -> Nullable<Uuid>,
        severity -> Text,
        occurred_on -> Nullable<Int4>,
        opened_at -> Int8,
        ended_at -> Nullable<Int8>,
        disposition -> Nullable<Text>,
        judged_by -> Nullable<Text>,
        voided_at -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    barriers (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        type_text -> Nullable<Text>,
        bases -> Jsonb,
        basis_text -> Nullable<Text>,
        service_type -> Nullable<Jsonb>,
        provider_id -> Nullable<Uuid>,
        service_id -> Nullable<Uuid>,
        occurred_on -> Nullable<Date>,
        ongoing -> Bool,
        description -> Text,
        severity -> Text,
        verification -> Text,
        status -> Text,
        disposition -> Nullable<Text>,
        judged_by -> Nullable<Text>,
        opened_at -> Timestamptz,
        resolved_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        version -> Int4,
        updated_at -> Timestamptz,
        possible_retaliation -> Bool,
    }
}

diesel::table! {
    use crate::types::sql::*;

    break_glass (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        user_id -> Uuid,
        reason -> Text,
        opened_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        reviewed_by -> Nullable<Uuid>,
        reviewed_at -> Nullable<Timestamptz>,
        finding -> Nullable<Text>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_counters (organization_id, year, slot) {
        organization_id -> Uuid,
        year -> Int4,
        next -> Int4,
        slot -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_episodes (organization_id, case_id, episode) {
        organization_id -> Uuid,
        case_id -> Uuid,
        episode -> Int4,
        opened_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        closing_reason -> Nullable<Text>,
        closing_summary -> Nullable<Text>,
        outcome -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_facts (organization_id, team_id, replaced_at, case_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        replaced_at -> Int8,
        case_id -> Uuid,
        recorded_at -> Int8,
        client_id -> Uuid,
        lead_id -> Nullable<Uuid>,
        status -> Text,
        since -> Int8,
        step -> Int4,
        began_at -> Int8,
        priority -> Text,
        advocacy_type -> Text,
        intake_source -> Text,
        opened_at -> Int8,
        first_contact_at -> Nullable<Int8>,
        last_contact_at -> Nullable<Int8>,
        closing_reason -> Nullable<Text>,
        outcome -> Nullable<Text>,
        unmet_reason -> Nullable<Text>,
        voided_at -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    case_transitions (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        from_status -> Nullable<Text>,
        to_status -> Text,
        reason -> Nullable<Text>,
        given -> Jsonb,
        actor_id -> Uuid,
        at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    cases (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_number -> Text,
        client_id -> Uuid,
        team_id -> Uuid,
        lead_advocate_id -> Nullable<Uuid>,
        advocacy_type -> Text,
        instruction -> Text,
        non_instructed_basis -> Nullable<Text>,
        non_instructed_reason -> Nullable<Text>,
        intake_source -> Text,
        intake_source_text -> Nullable<Text>,
        status -> Text,
        priority -> Text,
        priority_reason -> Nullable<Text>,
        client_goal -> Text,
        tags -> Jsonb,
        opened_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        closing_reason -> Nullable<Text>,
        closing_summary -> Nullable<Text>,
        outcome -> Nullable<Text>,
        review_on -> Nullable<Date>,
        first_contact_at -> Nullable<Timestamptz>,
        last_contact_at -> Nullable<Timestamptz>,
        undisposed_barriers -> Int4,
        open_deadlines -> Int4,
        next_deadline_on -> Nullable<Date>,
        episode -> Int4,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        conflicts_settled -> Nullable<Bool>,
        unmet_reason -> Nullable<Text>,
        kept_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    client_accounts (organization_id, client_id) {
        organization_id -> Uuid,
        client_id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    client_merges (organization_id, client_id) {
        organization_id -> Uuid,
        client_id -> Uuid,
        into_id -> Uuid,
        reason -> Nullable<Text>,
        merged_by -> Uuid,
        merged_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    clients (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        team_id -> Uuid,
        preferred_name -> Text,
        legal_name -> Nullable<Text>,
        pronouns -> Nullable<Text>,
        date_of_birth -> Nullable<Date>,
        phone -> Nullable<Text>,
        email -> Nullable<Text>,
        address -> Nullable<Text>,
        language -> Nullable<Text>,
        interpreter_needed -> Bool,
        safe_contact -> Jsonb,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        is_merged -> Bool,
        other_names -> Jsonb,
    }
}

diesel::table! {
    use crate::types::sql::*;

    commitments (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        meeting_id -> Uuid,
        party -> Text,
        text -> Text,
        due_on -> Nullable<Date>,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    conflict_checks (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        occasion -> Text,
        conflicts -> Jsonb,
        run_by -> Uuid,
        run_at -> Timestamptz,
        decision -> Nullable<Text>,
        decision_reason -> Nullable<Text>,
        decided_by -> Nullable<Uuid>,
        decided_at -> Nullable<Timestamptz>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    deadline_facts (organization_id, team_id, replaced_at, deadline_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        replaced_at -> Int8,
        deadline_id -> Uuid,
        recorded_at -> Int8,
        case_id -> Uuid,
        client_id -> Uuid,
        action_type -> Text,
        source -> Text,
        due_on -> Int4,
        due_at -> Int8,
        status -> Text,
        satisfied_on -> Nullable<Int4>,
        late_filing -> Int4,
        voided_at -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    deadline_rules (organization_id, id, version) {
        organization_id -> Uuid,
        id -> Uuid,
        version -> Int4,
        name -> Text,
        jurisdiction -> Text,
        scheme -> Text,
        action_type -> Text,
        trigger -> Text,
        amount -> Int4,
        max_amount -> Nullable<Int4>,
        unit -> Text,
        bound -> Text,
        receipt_presumption_days -> Int4,
        weekend_rule -> Text,
        holiday_calendar -> Text,
        party -> Text,
        statutory -> Bool,
        expedited -> Bool,
        citation -> Nullable<Text>,
        url -> Nullable<Text>,
        last_verified_on -> Date,
        note -> Nullable<Text>,
        effective_from -> Date,
        effective_to -> Nullable<Date>,
        created_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    deadlines (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        action_id -> Uuid,
        rule_id -> Nullable<Uuid>,
        rule_version -> Nullable<Int4>,
        trigger_date -> Nullable<Date>,
        trigger_not_before -> Nullable<Date>,
        stated_due_on -> Nullable<Date>,
        due_on -> Date,
        due_at -> Timestamptz,
        time_zone -> Text,
        source -> Text,
        differs_from_notice -> Bool,
        computation -> Nullable<Jsonb>,
        override_reason -> Nullable<Text>,
        note -> Nullable<Text>,
        status -> Text,
        satisfied_by -> Nullable<Uuid>,
        satisfied_on -> Nullable<Date>,
        late_filing -> Bool,
        good_cause -> Nullable<Text>,
        excused_reason -> Nullable<Text>,
        superseded_by -> Nullable<Uuid>,
        review -> Nullable<Jsonb>,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    export_clients (organization_id, export_id, client_id) {
        organization_id -> Uuid,
        export_id -> Uuid,
        client_id -> Uuid,
    }
}

diesel::table! {
    use crate::types::sql::*;

    exports (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        at -> Timestamptz,
        what -> Text,
        subject_id -> Nullable<Uuid>,
        filter -> Text,
        format -> Text,
        rows -> Int8,
        reason -> Text,
        audience -> Nullable<Text>,
        recipient -> Nullable<Text>,
        purpose -> Nullable<Text>,
        purpose_text -> Nullable<Text>,
        basis -> Nullable<Text>,
        notice -> Nullable<Text>,
        client_count -> Nullable<Int8>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    feedback (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        client_id -> Uuid,
        case_id -> Nullable<Uuid>,
        meeting_id -> Nullable<Uuid>,
        rating -> Nullable<Int4>,
        text -> Text,
        created_by -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    handovers (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        from_user_id -> Uuid,
        to_user_id -> Uuid,
        offered_by -> Uuid,
        note -> Text,
        keep_until -> Nullable<Date>,
        status -> Text,
        reason -> Nullable<Text>,
        open_work -> Jsonb,
        offered_at -> Timestamptz,
        answered_at -> Nullable<Timestamptz>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    idempotency_keys (organization_id, user_id, route, key) {
        organization_id -> Uuid,
        user_id -> Uuid,
        route -> Text,
        key -> Text,
        request_hash -> Bytea,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    interests (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        provider_id -> Uuid,
        kind -> Text,
        text -> Nullable<Text>,
        from_on -> Nullable<Date>,
        to_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    invitations (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        email -> Text,
        display_name -> Text,
        role -> Text,
        team_ids -> Jsonb,
        status -> Text,
        expires_at -> Timestamptz,
        invited_by -> Uuid,
        user_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    login_names (email) {
        email -> Text,
        organization_id -> Uuid,
        user_id -> Uuid,
    }
}

diesel::table! {
    use crate::types::sql::*;

    mailed_secrets (organization_id, hash) {
        organization_id -> Uuid,
        hash -> Bytea,
        purpose -> Text,
        subject_id -> Uuid,
        email -> Text,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    meeting_facts (organization_id, team_id, replaced_at, meeting_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        replaced_at -> Int8,
        meeting_id -> Uuid,
        recorded_at -> Int8,
        case_id -> Uuid,
        client_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        provider_id -> Nullable<Uuid>,
        starts_at -> Int8,
        status -> Text,
        who_spoke -> Nullable<Text>,
        mandatory_items -> Int4,
        mandatory_done -> Int4,
        prepared -> Nullable<Int4>,
        understood_options -> Nullable<Int4>,
        heard -> Nullable<Int4>,
        confidence -> Nullable<Int4>,
        voided_at -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    meetings (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        #[sql_name = "type"]
        type_ -> Text,
        type_text -> Nullable<Text>,
        mode -> Text,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        time_zone -> Text,
        provider_id -> Nullable<Uuid>,
        place -> Nullable<Text>,
        participants -> Jsonb,
        purpose -> Text,
        status -> Text,
        cancelled_by -> Nullable<Text>,
        rescheduled_to -> Nullable<Uuid>,
        who_spoke -> Nullable<Text>,
        outcomes -> Jsonb,
        summary -> Nullable<Text>,
        views_recorded_by_provider -> Nullable<Text>,
        ratings_before -> Nullable<Jsonb>,
        ratings_after -> Nullable<Jsonb>,
        mandatory_items -> Int4,
        mandatory_done -> Int4,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    note_amendments (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        note_id -> Uuid,
        body -> Text,
        author_id -> Uuid,
        created_at -> Timestamptz,
        corrected -> Nullable<Jsonb>,
        replaced -> Nullable<Jsonb>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    notes (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        kind -> Text,
        body -> Text,
        occurred_at -> Timestamptz,
        direction -> Nullable<Text>,
        mode -> Nullable<Text>,
        successful -> Nullable<Bool>,
        minutes -> Nullable<Int4>,
        author_id -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    organizations (id) {
        id -> Uuid,
        name -> Text,
        client_word -> Text,
        time_zone -> Text,
        suppression_threshold -> Int4,
        second_person_closes -> Bool,
        status -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        second_factor_roles -> Jsonb,
    }
}

diesel::table! {
    use crate::types::sql::*;

    preparation_items (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        meeting_id -> Uuid,
        position -> Int4,
        category -> Text,
        text -> Text,
        answer -> Nullable<Text>,
        mandatory -> Bool,
        owner -> Text,
        done_at -> Nullable<Timestamptz>,
        done_by -> Nullable<Uuid>,
        version -> Int4,
    }
}

diesel::table! {
    use crate::types::sql::*;

    preparation_templates (organization_id, meeting_type) {
        organization_id -> Uuid,
        meeting_type -> Text,
        items -> Jsonb,
        version -> Int4,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    provider_merges (organization_id, provider_id) {
        organization_id -> Uuid,
        provider_id -> Uuid,
        into_id -> Uuid,
        reason -> Nullable<Text>,
        merged_by -> Uuid,
        merged_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    providers (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        name -> Text,
        alternate_name -> Nullable<Text>,
        description -> Nullable<Text>,
        url -> Nullable<Text>,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        address -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        words -> Text,
    }
}

diesel::table! {
    use crate::types::sql::*;

    recovery_codes (organization_id, user_id, hash) {
        organization_id -> Uuid,
        user_id -> Uuid,
        hash -> Bytea,
        spent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    refresh_tokens (organization_id, hash) {
        organization_id -> Uuid,
        hash -> Bytea,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        spent_at -> Nullable<Timestamptz>,
        successor -> Nullable<Bytea>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    search_documents (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        number -> Int8,
        kind -> Text,
        team_id -> Uuid,
        case_id -> Nullable<Uuid>,
        note_kind -> Nullable<Text>,
        author_id -> Nullable<Uuid>,
        segment -> Nullable<Int8>,
        title -> Text,
        body -> Text,
        words -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    search_refolds (organization_id) {
        organization_id -> Uuid,
        after_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    search_segments (organization_id, id) {
        organization_id -> Uuid,
        id -> Int8,
        team_id -> Uuid,
        kind -> Text,
        documents -> Int4,
        newest -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    search_words (organization_id, team_id, term, segment) {
        organization_id -> Uuid,
        team_id -> Uuid,
        term -> Text,
        segment -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    second_factors (organization_id, user_id) {
        organization_id -> Uuid,
        user_id -> Uuid,
        secret -> Bytea,
        confirmed_at -> Nullable<Timestamptz>,
        last_step -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    service_merges (organization_id, service_id) {
        organization_id -> Uuid,
        service_id -> Uuid,
        into_id -> Uuid,
        reason -> Nullable<Text>,
        merged_by -> Uuid,
        merged_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    services (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        provider_id -> Uuid,
        name -> Text,
        status -> Text,
        description -> Nullable<Text>,
        url -> Nullable<Text>,
        service_type -> Nullable<Jsonb>,
        eligibility_description -> Nullable<Text>,
        application_process -> Nullable<Text>,
        fees_description -> Nullable<Text>,
        wait_time -> Nullable<Text>,
        accessibility -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        words -> Text,
    }
}

diesel::table! {
    use crate::types::sql::*;

    sessions (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        proved_at -> Timestamptz,
        awaits_factor -> Bool,
    }
}

diesel::table! {
    use crate::types::sql::*;

    sign_in_tries (key) {
        key -> Bytea,
        account -> Nullable<Bytea>,
        failures -> Int4,
        since -> Timestamptz,
        waits_until -> Nullable<Timestamptz>,
        kept_until -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    statements (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        client_id -> Uuid,
        number -> Int4,
        status -> Text,
        sections -> Jsonb,
        created_by -> Uuid,
        approved_by -> Nullable<Text>,
        approval_method -> Nullable<Text>,
        approved_on -> Nullable<Date>,
        recorded_by -> Nullable<Uuid>,
        recorded_at -> Nullable<Timestamptz>,
        superseded_at -> Nullable<Timestamptz>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    task_facts (organization_id, team_id, replaced_at, task_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        replaced_at -> Int8,
        task_id -> Uuid,
        recorded_at -> Int8,
        case_id -> Uuid,
        client_id -> Uuid,
        assignee_id -> Nullable<Uuid>,
        due_on -> Int4,
        status -> Text,
        voided_at -> Int8,
    }
}

diesel::table! {
    use crate::types::sql::*;

    tasks (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        meeting_id -> Nullable<Uuid>,
        title -> Text,
        description -> Nullable<Text>,
        due_on -> Date,
        assignee_id -> Nullable<Uuid>,
        status -> Text,
        done_at -> Nullable<Timestamptz>,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    team_deputies (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        team_id -> Uuid,
        user_id -> Uuid,
        starts_on -> Date,
        ends_on -> Date,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        reason -> Nullable<Text>,
        created_by -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    team_members (organization_id, team_id, user_id) {
        organization_id -> Uuid,
        team_id -> Uuid,
        user_id -> Uuid,
        added_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    teams (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        name -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use crate::types::sql::*;

    timeline_entries (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        case_id -> Uuid,
        at -> Timestamptz,
        event -> Text,
        subject_id -> Uuid,
        actor_id -> Uuid,
        detail -> Nullable<Text>,
        note_kind -> Nullable<Text>,
    }
}

diesel::table! {
    use crate::types::sql::*;

    users (organization_id, id) {
        organization_id -> Uuid,
        id -> Uuid,
        email -> Text,
        display_name -> Text,
        role -> Text,
        status -> Text,
        password_hash -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        scopes -> Jsonb,
        purpose -> Nullable<Text>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    access_log,
    access_log_marks,
    action_facts,
    actions,
    assignments,
    audit_events,
    audit_heads,
    barrier_facts,
    barriers,
    break_glass,
    case_counters,
    case_episodes,
    case_facts,
    case_transitions,
    cases,
    client_accounts,
    client_merges,
    clients,
    commitments,
    conflict_checks,
    deadline_facts,
    deadline_rules,
    deadlines,
    export_clients,
    exports,
    feedback,
    handovers,
    idempotency_keys,
    interests,
    invitations,
    login_names,
    mailed_secrets,
    meeting_facts,
    meetings,
    note_amendments,
    notes,
    organizations,
    preparation_items,
    preparation_templates,
    provider_merges,
    providers,
    recovery_codes,
    refresh_tokens,
    search_documents,
    search_refolds,
    search_segments,
    search_words,
    second_factors,
    service_merges,
    services,
    sessions,
    sign_in_tries,
    statements,
    task_facts,
    tasks,
    team_deputies,
    team_members,
    teams,
    timeline_entries,
    users,
);

-- Schema _sqlflow, version 2: what runs did and how far they came. No keys, indexes, defaults or
-- sequences (recovery of them is not safe); times are UTC.
CREATE SCHEMA IF NOT EXISTS _sqlflow;
CREATE TABLE IF NOT EXISTS _sqlflow.schema_version(version INTEGER, created_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS _sqlflow.runs(
    run_id VARCHAR, pipeline VARCHAR, pipeline_hash VARCHAR, profile VARCHAR, variables VARCHAR,
    status VARCHAR, started_at TIMESTAMP, ended_at TIMESTAMP, error_code VARCHAR, error VARCHAR,
    version VARCHAR, duckdb_version VARCHAR, commit_mode VARCHAR);
CREATE TABLE IF NOT EXISTS _sqlflow.steps(
    run_id VARCHAR, step_id VARCHAR, type VARCHAR, status VARCHAR, rows_read BIGINT,
    rows_inserted BIGINT, rows_updated BIGINT, rows_deleted BIGINT, duplicates_dropped BIGINT,
    bytes BIGINT, seconds DOUBLE, error VARCHAR);
CREATE TABLE IF NOT EXISTS _sqlflow.watermarks(
    pipeline VARCHAR, source VARCHAR, target VARCHAR, cursor_field VARCHAR, value VARCHAR,
    type VARCHAR, fingerprint VARCHAR, run_id VARCHAR, updated_at TIMESTAMP, token VARCHAR);
-- Rows at (or above) the watermark of an append without a key: they come again and are skipped
-- once each.
CREATE TABLE IF NOT EXISTS _sqlflow.boundary(
    pipeline VARCHAR, source VARCHAR, target VARCHAR, cursor_field VARCHAR, columns VARCHAR,
    row_hash VARCHAR, rows BIGINT, cursor_value VARCHAR);
CREATE TABLE IF NOT EXISTS _sqlflow.files(
    pipeline VARCHAR, source VARCHAR, target VARCHAR, path VARCHAR, size BIGINT, mtime TIMESTAMP,
    etag VARCHAR, rows BIGINT, run_id VARCHAR);
CREATE TABLE IF NOT EXISTS _sqlflow.exports(
    export_id VARCHAR, run_id VARCHAR, pipeline VARCHAR, step_id VARCHAR, destination VARCHAR,
    type VARCHAR, staged VARCHAR, rows BIGINT, bytes BIGINT, hash VARCHAR, status VARCHAR,
    published_at TIMESTAMP, query VARCHAR, file VARCHAR, connection VARCHAR, options VARCHAR);
CREATE TABLE IF NOT EXISTS _sqlflow.asserts(
    run_id VARCHAR, name VARCHAR, severity VARCHAR, status VARCHAR, failing_rows BIGINT);

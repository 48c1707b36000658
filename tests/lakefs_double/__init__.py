"""A lakeFS in memory, held to lakeFS's own OpenAPI document; its objects are spoken for in S3."""

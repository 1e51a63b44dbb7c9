"""Files that whalebuild itself keeps: records of deployments, locks, parts, notes of builders."""

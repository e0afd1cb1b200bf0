"""What is outstanding, batches, the journal of answers, replays of others' predictions."""

"""Language models: whatever speaks OpenAI's interface."""

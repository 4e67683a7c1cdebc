"""Pictures as sequences of tokens: sprites as text, image GPT."""

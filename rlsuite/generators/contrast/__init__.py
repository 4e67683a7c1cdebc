"""A contrastive scorer: pictures and sentences in one space, trained as CLIP was. It is not OpenAI's CLIP."""

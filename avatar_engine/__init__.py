"""Speech in, a talking person out."""

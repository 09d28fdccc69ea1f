from threadneedle.cli import app

app()

"""What an endpoint's messages are signed with: kept, shown, replaced, and published as far as it is public."""

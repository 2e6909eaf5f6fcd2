"""What is played before a backup and after it, so that a restore has something to bring back."""

from collections import Counter


class Play:
    """A forum with everything in it that a backup could get wrong, and what comes after the backup."""

    def __init__(self, scene, people):
        """Meet those who look at the platform."""
        self.scene, self.people = scene, people
        self.secretariat = scene.office.secretariat

    def before(self):
        """One forum: two seats, three in line, one of whom moves up; one person is forgotten."""
        self.forum = self.scene.office.forum(seats=2)
        self.crowd = [self.people.new(channels=["email", "sms"]) for _ in range(5)]
        self.receipts = [self.register(self.forum, person) for person in self.crowd]
        self.cancel(self.receipts[0])
        self.forget(self.receipts[4])

    def under_way(self):
        """Somebody registers, and nobody is told yet."""
        self.person_under_way = self.people.new(channels=["email"])
        self.receipt_under_way = self.register(self.forum, self.person_under_way)

    def after(self):
        """The same forum goes on, with one more seat; another begins; an organization joins."""
        applied = self.scene.anybody.post(
            "registration",
            "/v1/organizations",
            {
                "name": f"Khmer Institute {self.crowd[0]['family_name']}",
                "stakeholder_category": "local_ngo",
                "contact": {"name": "Sok Dara", "email": "sok@kid.example"},
            },
        )
        self.secretariat.post("registration", f"/v1/organizations/{applied['id']}/admission")
        self.cancel(self.receipts[1])
        self.forget(self.receipts[2])
        self.later = [self.people.new(channels=["email"], dietary="no fish") for _ in range(3)]
        self.later_receipts = [self.register(self.forum, person) for person in self.later]
        self.forget(self.later_receipts[2])
        self.other = self.scene.office.forum(seats=1, host_organization_id=None)
        self.at_other = [self.people.new(channels=["email"]) for _ in range(2)]
        self.receipts_of_other = [self.register(self.other, person) for person in self.at_other]
        self.secretariat.post(
            "recommendations",
            "/v1/recommendations",
            {"title": {"en": "Share commune funds"}, "text": {"en": "A third."}, "addressed_to": "NCDD"},
        )

    def register(self, forum, person):
        """Apply for a seat."""
        return self.scene.anybody.post("registration", f"/v1/forums/{forum['id']}/registrations", person)

    def cancel(self, receipt):
        """Let the secretariat cancel a registration."""
        self.secretariat.post("registration", f"/v1/registrations/{receipt['id']}/cancellation")

    def forget(self, receipt):
        """Let the secretariat erase the person of a registration."""
        shown = self.secretariat.get("registration", f"/v1/registrations/{receipt['id']}")
        path = f"/v1/people/{shown['person_id']}"
        assert self.secretariat.request("DELETE", "registration", path).status_code == 204

    def messages(self):
        """How many messages each person got."""
        everybody = [*self.crowd, self.person_under_way, *self.later, *self.at_other]
        return Counter(
            {
                person["email"]: self.scene.mailbox.count(person["email"])
                + len(self.scene.phone.messages(person["phone"]))
                for person in everybody
            }
        )
